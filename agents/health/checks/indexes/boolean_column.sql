-- An index holds a boolean alone
/*
severity = "info"
evidence = ["table", "column"]
meaning = "Two values divide a table in halves at best; such an index is hardly ever the cheaper way."
remedy = "Make it partial: where the column has the rare value."
also = ["pg-index-health:INDEXES_WITH_BOOLEAN"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    a.attname as column
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = t.oid and a.attnum = i.indkey[0]
where i.indnkeyatts = 1 and i.indpred is null and not i.indisunique and a.atttypid = 'bool'::regtype and @is_ours@
