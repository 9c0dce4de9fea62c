-- Every sequence with the statement that reads where it stands.
select
    format('%%s.%%s', nspname, relname) as sequence_name,
    format('select last_value, is_called from %%I.%%I', nspname, relname) as statement
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where relkind = 'S' and relpersistence = 'p' and nspname = any (%(schemas)s)
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
order by 1
