-- Every table of the given schemas as one document: columns, constraints, indexes, triggers, comment, grants.
-- Names chosen by a person are kept apart from definitions, so that the same thing under another name is recognised.
select
    namespace.nspname,
    relation.relname,
    relation.reltuples::bigint,
    coalesce(obj_description(relation.oid, 'pg_class'), ''),
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'name', attname,
            'type', format_type(atttypid, atttypmod),
            'not_null', attnotnull,
            'identity', attidentity,
            'generated', case when attgenerated <> '' then pg_get_expr(adbin, adrelid) else '' end,
            'default', case when attgenerated = '' then coalesce(pg_get_expr(adbin, adrelid), '') else '' end,
            'sequence', coalesce(pg_get_serial_sequence(format('%%I.%%I', nspname, relation.relname), attname), ''),
            'sequence_grants', coalesce((
                select jsonb_agg(jsonb_build_array(
                    coalesce((select rolname from pg_roles where oid = grantee), 'public'), privilege_type
                ))
                from pg_class as sequence, aclexplode(sequence.relacl)
                where sequence.oid = to_regclass(
                        pg_get_serial_sequence(format('%%I.%%I', nspname, relation.relname), attname)
                    )
                    and grantee <> sequence.relowner
            ), '[]'),
            'comment', coalesce(col_description(attrelid, attnum), '')
        ) order by attnum)
        from pg_attribute
        left join pg_attrdef on adrelid = attrelid and adnum = attnum
        where attrelid = relation.oid and attnum > 0 and not attisdropped
    ), '[]'),
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'name', conname,
            'kind', contype,
            'columns', coalesce((
                select jsonb_agg(attname order by place)
                from unnest(conkey) with ordinality as member (number, place)
                join pg_attribute on attrelid = conrelid and attnum = member.number
            ), '[]'),
            'definition', regexp_replace(pg_get_constraintdef(oid), ' NOT VALID$', ''),
            'valid', convalidated
        ) order by conname)
        from pg_constraint
        where conrelid = relation.oid and contype in ('p', 'u', 'c', 'f', 'x')
    ), '[]'),
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'name', index_class.relname,
            'unique', indisunique,
            'valid', indisvalid,
            'columns', coalesce((
                select jsonb_agg(attname order by place)
                from unnest(indkey::smallint[]) with ordinality as member (number, place)
                join pg_attribute on attrelid = indrelid and attnum = member.number
            ), '[]'),
            'is_plain', indpred is null and indexprs is null,
            'definition', replace(
                pg_get_indexdef(indexrelid), ' INDEX ' || quote_ident(index_class.relname) || ' ON ', ' INDEX ON '
            )
        ) order by index_class.relname)
        from pg_index
        join pg_class as index_class on index_class.oid = indexrelid
        where indrelid = relation.oid
            and not exists (
                select
                from pg_constraint
                where conindid = indexrelid and conrelid = relation.oid and contype in ('p', 'u', 'x')
            )
    ), '[]'),
    coalesce((
        select jsonb_agg(jsonb_build_object(
            'name', tgname,
            'definition', replace(
                pg_get_triggerdef(pg_trigger.oid), ' TRIGGER ' || quote_ident(tgname) || ' ', ' TRIGGER '
            ),
            'source', prosrc,
            'enabled', tgenabled
        ) order by tgname)
        from pg_trigger
        join pg_proc on pg_proc.oid = tgfoid
        where tgrelid = relation.oid and not tgisinternal
    ), '[]'),
    coalesce((
        select jsonb_agg(jsonb_build_array(
            coalesce((select rolname from pg_roles where oid = grantee), 'public'), privilege_type
        ) order by grantee, privilege_type)
        from aclexplode(relation.relacl)
        where grantee <> relation.relowner
    ), '[]')
from pg_class as relation
join pg_namespace as namespace on namespace.oid = relation.relnamespace
where namespace.nspname = any (%(schemas)s) and relation.relkind in ('r', 'p')
order by namespace.nspname, relation.relname
