-- Two foreign keys say the same
/*
severity = "info"
evidence = ["same_as"]
meaning = "Every write is checked twice."
remedy = "Drop one."
also = ["pg-index-health:DUPLICATED_FOREIGN_KEYS"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    min(o.conname) as same_as
from pg_constraint as k
join pg_constraint as o
    on o.conrelid = k.conrelid and o.contype = 'f' and o.confrelid = k.confrelid and o.oid < k.oid
    and o.conkey @> k.conkey and k.conkey @> o.conkey and o.confkey @> k.confkey
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'f' and k.conparentid = 0 and @is_ours@
group by n.nspname, c.relname, k.conname
