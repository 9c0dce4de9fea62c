-- A name must be written in quotes
/*
severity = "info"
evidence = ["kind"]
meaning = "Whoever forgets the quotes gets an error that says it does not exist."
remedy = "Rename it to lower-case letters, digits and underscores."
also = ["pg-index-health:OBJECTS_NOT_FOLLOWING_NAMING_CONVENTION"]
*/
select format('%I.%I', n.nspname, c.relname) as object, 'relation' as kind
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relname !~ '^[a-z_][a-z0-9_]*$' and c.relkind in ('r', 'p', 'v', 'm', 'f') and @is_ours@
union all
select format('%I.%I / %I', n.nspname, c.relname, a.attname), 'column'
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.attname !~ '^[a-z_][a-z0-9_]*$' and a.attnum > 0 and not a.attisdropped and @is_table@
