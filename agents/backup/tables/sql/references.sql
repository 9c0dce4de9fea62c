-- Every foreign key from or to a table, with its definition.
select
    conname::text, child_space.nspname::text, child.relname::text, parent_space.nspname::text, parent.relname::text,
    (
        select array_agg(attname::text order by ordinality)
        from unnest(conkey) with ordinality as keys (attnum, ordinality)
        join pg_attribute on attrelid = conrelid and pg_attribute.attnum = keys.attnum
    ),
    (
        select array_agg(attname::text order by ordinality)
        from unnest(confkey) with ordinality as keys (attnum, ordinality)
        join pg_attribute on attrelid = confrelid and pg_attribute.attnum = keys.attnum
    ),
    pg_get_constraintdef(pg_constraint.oid)
from pg_constraint
join pg_class as child on child.oid = conrelid
join pg_namespace as child_space on child_space.oid = child.relnamespace
join pg_class as parent on parent.oid = confrelid
join pg_namespace as parent_space on parent_space.oid = parent.relnamespace
where contype = 'f' and conparentid = 0
    and (
        (child_space.nspname = %(schema)s and child.relname = %(name)s)
        or (parent_space.nspname = %(schema)s and parent.relname = %(name)s)
    )
order by conname, child_space.nspname, child.relname
