-- A column's meaning depends on the server's language
/*
severity = "info"
evidence = ["type"]
meaning = "money takes currency and rounding from lc_monetary; a dump restored elsewhere means something else."
remedy = "Change it to numeric and keep the currency beside it."
also = ["pg-index-health:COLUMNS_WITH_MONEY_TYPE"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.atttypid = 'money'::regtype and a.attnum > 0 and not a.attisdropped and @is_table@
