-- One statement takes most of the server's time
/*
severity = "info"
profile = "quick"
requires = {extensions = ["pg_stat_statements"], monitor = true}
evidence = ["calls", "mean_ms", "statement"]
parameters = {total_ms = 60000}
threshold = {warn = 0.5, unit = "ratio", source = "chosen: half of all time is worth a look, however fast each call is"}
meaning = "Making this one faster, or asking it less often, helps more than anything else."
remedy = "Look at its plan and at how often it is asked."
also = ["supabase:inspect calls", "postgres-checkup:K003"]
*/
select
    'query ' || queryid as object,
    total_exec_time / total as value,
    calls,
    mean_exec_time as mean_ms,
    left(regexp_replace(query, '\s+', ' ', 'g'), 200) as statement
from (
    select *, sum(total_exec_time) over () as total
    from @pg_stat_statements@.pg_stat_statements
    where dbid = (select oid from pg_database where datname = current_database()) and toplevel
) as counted
where total > @total_ms@
