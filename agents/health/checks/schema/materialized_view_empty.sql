-- A materialised view was never filled
/*
severity = "warn"
meaning = "Every query on it fails."
remedy = "Refresh it as shown."
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('refresh materialized view %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'm' and not c.relispopulated and @is_ours@
