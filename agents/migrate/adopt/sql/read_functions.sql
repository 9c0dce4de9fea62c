-- Every function of the given schemas, what it says of itself, and who besides its owner may call it.
select
    nspname,
    format('%%I.%%I(%%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)),
    pg_get_functiondef(pg_proc.oid),
    coalesce(obj_description(pg_proc.oid, 'pg_proc'), ''),
    coalesce((
        select jsonb_agg(jsonb_build_array(
            coalesce((select rolname from pg_roles where oid = grantee), 'public'), privilege_type
        ) order by grantee, privilege_type)
        from aclexplode(coalesce(proacl, acldefault('f', proowner)))
        where grantee <> proowner
    ), '[]')
from pg_proc
join pg_namespace on pg_namespace.oid = pronamespace
where nspname = any (%(schemas)s)
    and prokind in ('f', 'p')
    and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
order by 1, 2
