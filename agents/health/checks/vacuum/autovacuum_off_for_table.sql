-- Autovacuum is switched off for one table
/*
severity = "warn"
evidence = ["rows"]
meaning = "Unless something else vacuums it, dead rows pile up there."
remedy = "alter table ... reset (autovacuum_enabled)."
also = ["pg-healthcheck:G05-005"]
*/
select format('%I.%I', n.nspname, c.relname) as object, c.reltuples as rows
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where @is_table@ and c.reloptions && array['autovacuum_enabled=false', 'autovacuum_enabled=off']
