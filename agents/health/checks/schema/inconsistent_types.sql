-- Columns of one name have different types
/*
severity = "info"
evidence = ["types", "tables"]
meaning = "Joins between them convert values, and one of the types is most likely a mistake."
remedy = "Agree on one type."
also = ["postgres-checkup:L001"]
*/
select
    quote_ident(a.attname) as object,
    array_agg(distinct format_type(a.atttypid, null)) as types,
    (array_agg(distinct format('%I.%I', n.nspname, c.relname)))[1:10] as tables
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.attname ~ '_id$' and a.attnum > 0 and not a.attisdropped and @is_table@
group by a.attname
having count(distinct a.atttypid) > 1
