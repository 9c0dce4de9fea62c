-- An index is full of nulls
/*
severity = "info"
evidence = ["table", "column", "rows"]
parameters = {rows = 10000}
threshold = {warn = 0.9, unit = "share of nulls", source = "chosen: nine tenths of the index are never asked for"}
meaning = "Most entries are nulls that hardly anybody asks for."
remedy = "Make it partial: where the column is not null. A foreign key is served by that too."
also = ["pg-index-health:INDEXES_WITH_NULL_VALUES", "pganalyze:index_null"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    s.stanullfrac as value,
    format('%I.%I', n.nspname, t.relname) as table,
    a.attname as column,
    t.reltuples as rows
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = t.oid and a.attnum = i.indkey[0]
join pg_statistic as s on s.starelid = t.oid and s.staattnum = a.attnum and not s.stainherit
where i.indnkeyatts = 1 and i.indpred is null and not i.indisunique and @is_ours@ and t.reltuples >= @rows@
