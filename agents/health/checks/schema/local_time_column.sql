-- A column keeps a time without its zone
/*
severity = "info"
evidence = ["type"]
meaning = "Which moment it was depends on who wrote it."
remedy = "Change it to timestamptz with the zone it was written in: using value at time zone 'UTC'."
also = ["pg-index-health:COLUMNS_WITH_TIMESTAMP_OR_TIMETZ_TYPE"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.atttypid = 'timestamp'::regtype and a.attnum > 0 and not a.attisdropped and @is_table@
