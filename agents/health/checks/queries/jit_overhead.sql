-- Compiling statements costs more than it saves
/*
severity = "info"
profile = "quick"
requires = {extensions = ["pg_stat_statements"], monitor = true}
evidence = ["calls", "jit_ms", "statement"]
parameters = {total_ms = 1000}
threshold = {warn = 0.3, unit = "ratio of the statement's time", source = "chosen: below a third it may still pay"}
meaning = "The planner's estimate is too high, so each call is compiled first."
remedy = "Raise jit_above_cost, or switch jit off for the role."
also = ["pg-healthcheck:G03-012"]
*/
select
    'query ' || queryid as object,
    jit_ms / total_exec_time as value,
    calls,
    jit_ms,
    left(regexp_replace(query, '\s+', ' ', 'g'), 200) as statement
from (
    select
        *,
        jit_generation_time + jit_inlining_time + jit_optimization_time + jit_emission_time as jit_ms
    from @pg_stat_statements@.pg_stat_statements
) as counted
where total_exec_time > @total_ms@ and dbid = (select oid from pg_database where datname = current_database())
