-- An index does not agree with its own order
/*
severity = "critical"
requires = {extensions = ["amcheck"], superuser = true}
generated = true
reports_damage = true
evidence = ["error"]
parameters = {indexes = 200}
timeout_s = 10
meaning = "Reads miss rows, and a unique index lets duplicates in; a changed collation or a bad disk is the usual cause."
remedy = "Reindex concurrently; if the table itself is damaged, restore it from a verified backup."
also = ["pg-healthcheck:G07-004"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('select (%s.bt_index_check(%s::regclass)::text is null)::int as value, null as error', '@amcheck@', c.oid) as query
from pg_class as c
join pg_am as m on m.oid = c.relam and m.amname = 'btree'
join pg_index as i on i.indexrelid = c.oid and i.indisvalid
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'i' and c.relpersistence = 'p' and @is_ours@ and c.relpages > 1
order by c.relpages desc
limit @indexes@
