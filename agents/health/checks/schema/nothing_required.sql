-- A table accepts rows without a single value
/*
severity = "info"
evidence = ["columns"]
meaning = "Every column may be null, so nothing is promised about a row."
remedy = "Decide which columns a row cannot be without, and set them not null."
also = ["pg-index-health:TABLES_WHERE_ALL_COLUMNS_NULLABLE_EXCEPT_PK"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    count(*) as columns
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
where @is_table@
group by n.nspname, c.relname
having not bool_or(a.attnotnull)
