-- A table inherits from another
/*
severity = "info"
evidence = ["parent"]
meaning = "Keys, foreign keys and unique rules do not reach into the children."
remedy = "Use declarative partitions, or a common table that both refer to."
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', pn.nspname, p.relname) as parent
from pg_inherits as h
join pg_class as c on c.oid = h.inhrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_class as p on p.oid = h.inhparent and p.relkind = 'r'
join pg_namespace as pn on pn.oid = p.relnamespace
where c.relkind = 'r' and @is_ours@
