-- The planner knows nothing about a table
/*
severity = "warn"
evidence = ["size_bytes"]
parameters = {size_bytes = 65536}
fix = "analyze"
meaning = "Every plan with this table is a guess."
remedy = "Analyze it as shown."
also = ["check_postgres:last_analyze", "pg-healthcheck:G05-007"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    pg_relation_size(c.oid) as size_bytes,
    format('analyze %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and @is_ours@ and pg_relation_size(c.oid) >= @size_bytes@
    and not exists (select from pg_statistic as s where s.starelid = c.oid)
