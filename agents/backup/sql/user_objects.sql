-- What somebody put into a database that should be empty.
select format('%s.%s', nspname, relname)
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
union all
select format('schema %s', nspname)
from pg_namespace
where nspname !~ '^pg_' and nspname not in ('information_schema', 'public')
    and not exists (
        select from pg_depend
        where classid = 'pg_namespace'::regclass and objid = pg_namespace.oid and deptype = 'e'
    )
order by 1
limit 5
