-- A foreign key of several columns may be half empty
/*
severity = "info"
evidence = ["columns"]
meaning = "With one of them null nothing is checked at all."
remedy = "Set the columns not null, or use match full."
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    string_agg(quote_ident(a.attname), ', ' order by a.attnum) as columns
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = any (k.conkey) and not a.attnotnull
where k.contype = 'f' and cardinality(k.conkey) > 1 and k.confmatchtype = 's' and @is_ours@
group by n.nspname, c.relname, k.conname
