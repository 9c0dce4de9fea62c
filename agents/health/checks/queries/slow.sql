-- A statement is slow on average
/*
severity = "warn"
profile = "quick"
requires = {extensions = ["pg_stat_statements"], monitor = true}
evidence = ["calls", "total_s", "statement"]
parameters = {calls = 5}
threshold = {warn = 500, critical = 5000, unit = "ms", source = "cited: pghero lists statements over 20 ms; 500 ms is what a page may take in all"}
meaning = "Whoever asks this waits so long each time."
remedy = "Look at its plan with explain (analyze, buffers); most often an index or a narrower question is missing."
also = ["pghero:slow_queries", "supabase:inspect outliers", "pganalyze:slowness"]
*/
select
    'query ' || queryid as object,
    mean_exec_time as value,
    calls,
    total_exec_time / 1000 as total_s,
    left(regexp_replace(query, '\s+', ' ', 'g'), 200) as statement
from @pg_stat_statements@.pg_stat_statements
where dbid = (select oid from pg_database where datname = current_database())
    and calls >= @calls@ and toplevel
    and query !~* '^\s*(vacuum|analyze|copy|create|alter|refresh|reindex|begin|commit)'
