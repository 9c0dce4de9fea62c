-- Large objects belong to nobody
/*
severity = "info"
evidence = ["objects"]
meaning = "They take space and go into every backup, and nothing refers to them."
remedy = "Remove them with vacuumlo."
*/
select 'pg_largeobject' as object, count(*) as objects
from pg_largeobject_metadata
where not exists (
    select from pg_attribute as a
    join pg_class as c on c.oid = a.attrelid
    join pg_namespace as n on n.oid = c.relnamespace
    left join pg_type as y on y.oid = a.atttypid
    where c.relkind in ('r', 'p') and n.nspname !~ '^pg_' and n.nspname <> 'information_schema' and a.attnum > 0
        and (a.atttypid = 'oid'::regtype or y.typname = 'lo')
)
having count(*) > 0
