-- A btree index holds an array
/*
severity = "info"
evidence = ["table", "column"]
meaning = "It answers only whether whole arrays are equal; contains and overlaps need a GIN index."
remedy = "Build a GIN index instead, if elements are asked for."
also = ["pg-index-health:BTREE_INDEXES_ON_ARRAY_COLUMNS"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    a.attname as column
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_am as m on m.oid = c.relam and m.amname = 'btree'
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = t.oid and a.attnum = i.indkey[0]
join pg_type as y on y.oid = a.atttypid
where y.typcategory = 'A' and not i.indisunique and @is_ours@
