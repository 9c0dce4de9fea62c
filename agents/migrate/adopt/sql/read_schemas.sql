-- The given schemas that exist, their comments, and who besides the owner has rights in them.
select
    nspname,
    coalesce(obj_description(pg_namespace.oid, 'pg_namespace'), ''),
    coalesce((
        select jsonb_agg(jsonb_build_array(
            coalesce((select rolname from pg_roles where oid = grantee), 'public'), privilege_type
        ) order by grantee, privilege_type)
        from aclexplode(nspacl)
        where grantee <> nspowner
    ), '[]')
from pg_namespace
where nspname = any (%(schemas)s)
order by 1
