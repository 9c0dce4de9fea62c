-- A foreign key joins columns of different types
/*
severity = "warn"
evidence = ["column", "child_type", "parent_type"]
meaning = "Joins convert every value and may miss the index; a narrower child overflows first."
remedy = "Change the child's column to the parent's type."
also = ["pg-index-health:FOREIGN_KEYS_WITH_UNMATCHED_COLUMN_TYPE"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    a.attname as column,
    format_type(a.atttypid, a.atttypmod) as child_type,
    format_type(p.atttypid, p.atttypmod) as parent_type
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral unnest(k.conkey, k.confkey) as pair (child, parent)
join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = pair.child
join pg_attribute as p on p.attrelid = k.confrelid and p.attnum = pair.parent
where k.contype = 'f' and a.atttypid <> p.atttypid and @is_ours@
