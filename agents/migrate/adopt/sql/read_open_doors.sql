-- Ways past row-level security that v2 left in the schema public, each with the statement that closes it.
with api as (
    select oid from pg_roles where rolname in ('anon', 'authenticated')
    union all
    select 0::oid
),
relations as (
    select pg_class.oid, relkind, relrowsecurity, reloptions, format('%%I.%%I', nspname, relname) as name,
        nspname || '.' || relname as plain_name,
        exists (select from aclexplode(relacl) join api on api.oid = grantee) as is_open
    from pg_class
    join pg_namespace on pg_namespace.oid = relnamespace
    where nspname = 'public'
        and not exists (select from pg_depend where objid = pg_class.oid and deptype = 'e')
)
select plain_name, format('alter view %%s set (security_invoker = true)', name),
    'reads with its owner''s rights, past every policy'
from relations
where relkind = 'v'
    and not exists (
        select from pg_options_to_table(reloptions) where option_name = 'security_invoker' and option_value::boolean
    )
union all
select plain_name, format('revoke %%s on %%s from public, anon, authenticated', surplus.rights, name),
    'rights that a view has no use for'
from relations
cross join lateral (
    -- By exclusion, because servers differ: 17 and later also know MAINTAIN.
    select string_agg(distinct lower(acl.privilege_type), ', ') as rights
    from pg_class, aclexplode(relacl) as acl
    join api on api.oid = acl.grantee
    where pg_class.oid = relations.oid and acl.privilege_type not in ('SELECT', 'INSERT', 'UPDATE', 'DELETE')
) as surplus
where relkind = 'v' and surplus.rights is not null
union all
select plain_name, format('revoke all on %%s from public, anon, authenticated', name),
    case relkind when 'm' then 'holds copies of rows, past every policy' else 'has no row-level security' end
from relations
where is_open
    and (relkind = 'm' or (relkind in ('r', 'p', 'f') and not relrowsecurity))
    and plain_name <> all (%(declared)s)
union all
select format('%%I.%%I(%%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)),
    format('revoke execute on routine %%I.%%I(%%s) from public, anon, authenticated', nspname, proname,
        pg_get_function_identity_arguments(pg_proc.oid)),
    'runs with its owner''s rights, past every policy'
from pg_proc
join pg_namespace on pg_namespace.oid = pronamespace
where nspname = 'public'
    and prosecdef
    and not exists (select from pg_depend where objid = pg_proc.oid and deptype = 'e')
    and exists (select from aclexplode(coalesce(proacl, acldefault('f', proowner))) join api on api.oid = grantee)
order by 1
