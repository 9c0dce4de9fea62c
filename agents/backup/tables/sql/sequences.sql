-- Every sequence that belongs to a column of a table.
select sequence_space.nspname::text, sequence.relname::text, attname::text
from pg_depend
join pg_class as sequence on sequence.oid = objid and sequence.relkind = 'S'
join pg_namespace as sequence_space on sequence_space.oid = sequence.relnamespace
join pg_class as owner on owner.oid = refobjid
join pg_namespace as owner_space on owner_space.oid = owner.relnamespace
join pg_attribute on attrelid = refobjid and attnum = refobjsubid
where pg_depend.classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype in ('a', 'i')
    and owner_space.nspname = %(schema)s and owner.relname = %(name)s
order by 1, 2
