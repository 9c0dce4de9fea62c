-- Indexes of the named tables, and in what they differ from a plain one on the same columns.
select
    namespace.nspname,
    class.relname,
    index_class.relname,
    key.columns,
    found.indisvalid and found.indisready and found.indislive,
    method.amname = 'btree' and found.indpred is null,
    not found.indisunique
        and found.indexprs is null
        and found.indnatts = found.indnkeyatts
        and not exists (select from unnest(found.indoption) as option where option <> 0)
        and not exists (
            select
            from unnest(found.indclass) as class_oid
            join pg_opclass on pg_opclass.oid = class_oid
            where not pg_opclass.opcdefault
        )
        and key.collations_are_default,
    found.indisreplident
        or exists (select from pg_constraint where conindid = found.indexrelid and contype in ('p', 'u', 'x')),
    found.indisunique and found.indimmediate and found.indisvalid and found.indpred is null and found.indexprs is null,
    pg_relation_size(found.indexrelid)
from pg_index as found
join pg_class as class on class.oid = found.indrelid
join pg_namespace as namespace on namespace.oid = class.relnamespace
join pg_class as index_class on index_class.oid = found.indexrelid
join pg_am as method on method.oid = index_class.relam
cross join lateral (
    select
        array_agg(coalesce(attribute.attname::text, '') order by part.position) as columns,
        bool_and(coalesce(part.collation_oid = attribute.attcollation, true)) as collations_are_default
    from unnest(found.indkey::smallint[], found.indcollation::oid[])
        with ordinality as part (column_number, collation_oid, position)
    left join pg_attribute as attribute
        on attribute.attrelid = found.indrelid and attribute.attnum = part.column_number
    where part.position <= found.indnkeyatts
) as key
where namespace.nspname || '.' || class.relname = any(%(tables)s)
order by index_class.relname
