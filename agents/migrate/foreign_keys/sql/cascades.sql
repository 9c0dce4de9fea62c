-- Constraints by which deleting a row of this table deletes rows of another.
select
    child_space.nspname,
    child.relname,
    child.relkind = 'p',
    parent.relkind = 'p',
    found.conname,
    names.child_columns,
    names.parent_columns,
    coalesce(primary_key.columns, '{}')
from pg_constraint as found
join pg_class as child on child.oid = found.conrelid
join pg_namespace as child_space on child_space.oid = child.relnamespace
join pg_class as parent on parent.oid = found.confrelid
join pg_namespace as parent_space on parent_space.oid = parent.relnamespace
cross join lateral (
    select
        array_agg(child_column.attname::text order by pair.position) as child_columns,
        array_agg(parent_column.attname::text order by pair.position) as parent_columns
    from unnest(found.conkey, found.confkey) with ordinality as pair (child_number, parent_number, position)
    join pg_attribute as child_column
        on child_column.attrelid = found.conrelid and child_column.attnum = pair.child_number
    join pg_attribute as parent_column
        on parent_column.attrelid = found.confrelid and parent_column.attnum = pair.parent_number
) as names
left join lateral (
    select array_agg(key_column.attname::text order by part.position) as columns
    from pg_constraint as key
    cross join unnest(key.conkey) with ordinality as part (column_number, position)
    join pg_attribute as key_column on key_column.attrelid = key.conrelid and key_column.attnum = part.column_number
    where key.conrelid = found.conrelid and key.contype = 'p'
) as primary_key on true
where parent_space.nspname = %(schema)s
    and parent.relname = %(table)s
    and found.contype = 'f'
    and found.confdeltype = 'c'
    and found.conparentid = 0
order by found.conname
