-- Every schema that a dump holds: not the server's own, not those of extensions.
select nspname::text
from pg_namespace
where nspname !~ '^pg_' and nspname <> 'information_schema'
    and not exists (
        select from pg_depend
        where classid = 'pg_namespace'::regclass and objid = pg_namespace.oid and deptype = 'e'
    )
order by 1
