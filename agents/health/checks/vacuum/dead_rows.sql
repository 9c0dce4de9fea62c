-- A table is full of dead rows
/*
severity = "warn"
evidence = ["dead", "live", "last_vacuum"]
parameters = {dead = 10000}
threshold = {warn = 0.2, critical = 0.5, unit = "share of dead rows", source = "cited: autovacuum begins at 20 % by default, so above it does not keep up"}
fix = "vacuum"
meaning = "Scans read them all the same; the table grows instead of using its own space."
remedy = "Vacuum it as shown; if they stay, see vacuum.horizon_held."
also = ["supabase:inspect vacuum-stats", "pghero:vacuum", "check_postgres:bloat"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    pg_stat_get_dead_tuples(c.oid)::float8 / (pg_stat_get_dead_tuples(c.oid) + pg_stat_get_live_tuples(c.oid)) as value,
    pg_stat_get_dead_tuples(c.oid) as dead,
    pg_stat_get_live_tuples(c.oid) as live,
    greatest(pg_stat_get_last_vacuum_time(c.oid), pg_stat_get_last_autovacuum_time(c.oid)) as last_vacuum,
    format('vacuum %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and @is_ours@ and pg_stat_get_dead_tuples(c.oid) >= @dead@
