-- A column keeps JSON as text
/*
severity = "info"
evidence = ["column"]
meaning = "json has no equality and no index, and is parsed at every read."
remedy = "Change it to jsonb, unless the exact text matters."
also = ["pg-index-health:COLUMNS_WITH_JSON_TYPE"]
*/
select format('%I.%I / %I', n.nspname, c.relname, a.attname) as object, a.attname as column
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.atttypid = 'json'::regtype and a.attnum > 0 and not a.attisdropped and @is_table@
