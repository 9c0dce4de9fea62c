-- The indexes of a table are much larger than the table
/*
severity = "info"
evidence = ["table_bytes", "index_bytes", "indexes"]
parameters = {pages = 1280}
threshold = {warn = 3, unit = "ratio", source = "chosen: up to three is what wide keys on narrow rows give"}
meaning = "Bloat, or more indexes than the table's questions need."
remedy = "Look at indexes.unused and indexes.duplicate; reindex concurrently what is bloated."
also = ["postgres-checkup:H003"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    sum(x.relpages)::float8 / c.relpages as value,
    c.relpages * 8192::bigint as table_bytes,
    sum(x.relpages) * 8192 as index_bytes,
    count(*) as indexes
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_index as i on i.indrelid = c.oid
join pg_class as x on x.oid = i.indexrelid
where c.relkind = 'r' and c.relpages >= @pages@ and @is_ours@
group by n.nspname, c.relname, c.relpages
