-- A name is as long as a name can be
/*
severity = "info"
evidence = ["kind"]
meaning = "The server cuts longer names without a word; two that differ at the end become one."
remedy = "Give it a shorter name."
also = ["pg-index-health:POSSIBLE_OBJECT_NAME_OVERFLOW"]
*/
select format('%I.%I', n.nspname, c.relname) as object, 'relation' as kind
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where octet_length(c.relname) = 63 and c.relkind <> 't' and @is_ours@
union all
select format('%I.%I / %I', n.nspname, c.relname, k.conname), 'constraint'
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where octet_length(k.conname) = 63 and not exists (
    select from pg_class as x where x.oid = k.conindid and x.relname = k.conname
) and @is_ours@
