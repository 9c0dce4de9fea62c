-- Much has changed since the planner last looked
/*
severity = "warn"
evidence = ["changed", "live", "last_analyze"]
parameters = {rows = 10000}
threshold = {warn = 0.3, unit = "share of changed rows", source = "cited: autovacuum analyzes at 10 % by default, so above 30 % it does not keep up"}
fix = "analyze"
meaning = "Plans are made for a table that no longer exists in that shape."
remedy = "Analyze it as shown; lower autovacuum_analyze_scale_factor for large tables."
also = ["pg-healthcheck:G05-008"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    pg_stat_get_mod_since_analyze(c.oid)::float8 / greatest(pg_stat_get_live_tuples(c.oid), 1) as value,
    pg_stat_get_mod_since_analyze(c.oid) as changed,
    pg_stat_get_live_tuples(c.oid) as live,
    greatest(pg_stat_get_last_analyze_time(c.oid), pg_stat_get_last_autoanalyze_time(c.oid)) as last_analyze,
    format('analyze %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and @is_ours@ and pg_stat_get_mod_since_analyze(c.oid) >= @rows@
