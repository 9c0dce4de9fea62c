-- Constraints of the named tables; the foreign keys with their columns, their actions, and whether they really check.
select
    namespace.nspname,
    class.relname,
    found.conname,
    found.contype::text,
    found.convalidated,
    names.child_columns,
    parent_space.nspname,
    parent.relname,
    names.parent_columns,
    found.confdeltype::text,
    found.confupdtype::text,
    found.confmatchtype = 's' and not found.condeferrable and coalesce(cardinality(found.confdelsetcols), 0) = 0,
    not exists (
        select
        from pg_trigger
        where pg_trigger.tgconstraint = found.oid and pg_trigger.tgenabled not in ('O', 'A')
    )
from pg_constraint as found
join pg_class as class on class.oid = found.conrelid
join pg_namespace as namespace on namespace.oid = class.relnamespace
left join pg_class as parent on parent.oid = found.confrelid
left join pg_namespace as parent_space on parent_space.oid = parent.relnamespace
cross join lateral (
    select
        coalesce(array_agg(child_column.attname::text order by pair.position), '{}') as child_columns,
        coalesce(array_agg(parent_column.attname::text order by pair.position), '{}') as parent_columns
    from unnest(found.conkey, found.confkey) with ordinality as pair (child_number, parent_number, position)
    left join pg_attribute as child_column
        on child_column.attrelid = found.conrelid and child_column.attnum = pair.child_number
    left join pg_attribute as parent_column
        on parent_column.attrelid = found.confrelid and parent_column.attnum = pair.parent_number
) as names
where namespace.nspname || '.' || class.relname = any(%(tables)s)
    and found.contype <> 'n'
    -- The rows that PostgreSQL adds for each partition of a partitioned parent belong to the constraint above them.
    and (found.contype <> 'f' or found.conparentid = 0 or class.relispartition)
order by found.conname
