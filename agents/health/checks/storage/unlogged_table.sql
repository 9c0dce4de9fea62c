-- A table is lost after a crash
/*
severity = "warn"
evidence = ["rows"]
meaning = "Unlogged tables are emptied when the server crashes, and no standby or backup has their rows."
remedy = "alter table ... set logged, unless its rows can be made again."
also = ["pg-healthcheck:G10-004"]
*/
select format('%I.%I', n.nspname, c.relname) as object, c.reltuples as rows
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where @is_table@ and c.relpersistence = 'u'
