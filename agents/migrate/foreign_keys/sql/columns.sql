-- Columns of the named tables, each with whatever would refuse a change of its type.
with tables as (
    select class.oid, namespace.nspname, class.relname
    from pg_class as class
    join pg_namespace as namespace on namespace.oid = class.relnamespace
    where namespace.nspname || '.' || class.relname = any(%(tables)s)
),
blockers as (
    select
        depend.refobjid as table_oid,
        depend.refobjsubid as column_number,
        array_agg(distinct pg_describe_object(depend.classid, depend.objid, depend.objsubid)) as descriptions
    from pg_depend as depend
    join tables on tables.oid = depend.refobjid
    left join pg_attrdef as own_default on depend.classid = 'pg_attrdef'::regclass and own_default.oid = depend.objid
    left join pg_constraint as child_key on depend.classid = 'pg_constraint'::regclass and child_key.oid = depend.objid
    where depend.refclassid = 'pg_class'::regclass
        and depend.refobjsubid > 0
        and (
            depend.classid in (
                'pg_policy'::regclass, 'pg_rewrite'::regclass, 'pg_trigger'::regclass, 'pg_proc'::regclass,
                'pg_publication_rel'::regclass
            )
            -- A generated column that reads this one.
            or (own_default.oid is not null and own_default.adnum <> depend.refobjsubid)
            -- A foreign key that points at this column.
            or (child_key.contype = 'f' and child_key.confrelid = depend.refobjid and child_key.conrelid <> depend.refobjid)
        )
    group by depend.refobjid, depend.refobjsubid
)
select
    tables.nspname,
    tables.relname,
    attribute.attname,
    type.typname,
    attribute.attnotnull,
    coalesce(attribute.attnum = any(primary_key.conkey), false) as in_primary_key,
    pg_get_expr(own_default.adbin, own_default.adrelid),
    coalesce(blockers.descriptions, '{}')
from tables
join pg_attribute as attribute
    on attribute.attrelid = tables.oid and attribute.attnum > 0 and not attribute.attisdropped
join pg_type as type on type.oid = attribute.atttypid
left join pg_constraint as primary_key on primary_key.conrelid = tables.oid and primary_key.contype = 'p'
left join pg_attrdef as own_default
    on own_default.adrelid = attribute.attrelid and own_default.adnum = attribute.attnum
left join blockers on blockers.table_oid = tables.oid and blockers.column_number = attribute.attnum
order by tables.nspname, tables.relname, attribute.attnum
