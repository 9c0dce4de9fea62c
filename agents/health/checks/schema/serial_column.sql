-- A key is a serial instead of an identity
/*
severity = "info"
evidence = ["default"]
meaning = "Anybody may write the column by hand, and the sequence's rights are granted apart from the table's."
remedy = "Change it to generated always as identity."
also = ["pg-index-health:COLUMNS_WITH_SERIAL_TYPES"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    pg_get_expr(d.adbin, d.adrelid) as default
from pg_attrdef as d
join pg_attribute as a on a.attrelid = d.adrelid and a.attnum = d.adnum
join pg_class as c on c.oid = d.adrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.attidentity = '' and pg_get_expr(d.adbin, d.adrelid) like 'nextval(%' and @is_table@
