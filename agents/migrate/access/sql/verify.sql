-- Each row is a hole in row-level security.
-- @expect zero-rows

-- Row-level security is on, and binds the owner too.
select pg_class.relname as unprotected
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p')
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and (
        not pg_class.relrowsecurity
        or (pg_class.relname = any ({declared}) and not pg_class.relforcerowsecurity)
    );

select name as absent
from unnest({declared}) as name
where to_regclass('public.' || quote_ident(name)) is null;

-- Exactly four policies, one per command, for authenticated alone; no write is open to everybody.
select name as incomplete
from unnest({declared}) as name
where (
    select coalesce(string_agg(cmd, ' ' order by cmd), '')
    from pg_policies
    where schemaname = 'public' and tablename = name
) <> 'DELETE INSERT SELECT UPDATE';

select tablename || '.' || policyname as wrong
from pg_policies
where schemaname = 'public'
    and tablename = any ({declared})
    and (
        permissive <> 'PERMISSIVE'
        or roles <> array['authenticated']::name[]
        or policyname <> tablename || '_' || lower(cmd)
        or (cmd <> 'INSERT' and qual is null)
        or (cmd in ('INSERT', 'UPDATE') and with_check is null)
        or (cmd <> 'SELECT' and 'true' in (qual, with_check))
        or qual = 'true'
    );

-- Rights on tables: nothing for PUBLIC and anon, reading and deleting for authenticated where declared, no more.
select pg_class.relname || ' to ' || coalesce(nullif(acl.grantee, 0)::regrole::text, 'public') || ': '
    || acl.privilege_type as surplus
from pg_class
cross join lateral aclexplode(pg_class.relacl) as acl
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p', 'v', 'm', 'f', 'S')
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and (
        (acl.grantee in (0, 'anon'::regrole))
        or (
            acl.grantee = 'authenticated'::regrole
            and not (pg_class.relkind = 'v' and acl.privilege_type in ('SELECT', 'INSERT', 'UPDATE', 'DELETE'))
            and not (acl.privilege_type = 'SELECT' and pg_class.relname = any ({readable}))
            and not (acl.privilege_type = 'DELETE' and pg_class.relname = any ({written}))
        )
    );

select name || ': ' || privilege as missing
from (
    select name, 'select' as privilege from unnest({readable}) as name
    union all
    select name, 'delete' from unnest({written}) as name
) as needed
where not has_table_privilege('authenticated', 'public.' || quote_ident(name), privilege);

select name || ': ' || privilege as missing_for_service_role
from unnest({declared}) as name
cross join unnest(array['select', 'insert', 'update', 'delete']) as privilege
where not has_table_privilege('service_role', 'public.' || quote_ident(name), privilege);

-- Rights on columns: exactly the declared ones.
with actual as (
    select pg_class.relname || '.' || pg_attribute.attname as name, acl.privilege_type, acl.grantee
    from pg_class
    join pg_attribute on pg_attribute.attrelid = pg_class.oid
    cross join lateral aclexplode(pg_attribute.attacl) as acl
    where pg_class.relnamespace = 'public'::regnamespace
),
declared as (
    select name, 'INSERT' as privilege_type from unnest({inserted}) as name
    union all
    select name, 'UPDATE' from unnest({updated}) as name
)
select coalesce(actual.name, declared.name) || ': ' || coalesce(actual.privilege_type, declared.privilege_type) as differs
from (select name, privilege_type, grantee from actual where grantee in (0, 'anon'::regrole, 'authenticated'::regrole))
    as actual
full join declared
    on declared.name = actual.name
    and declared.privilege_type = actual.privilege_type
    and actual.grantee = 'authenticated'::regrole
where actual.name is null or declared.name is null;

-- The triggers that keep created_by, place, references and the last owner are there and fire.
select wanted as trigger_missing_or_off
from unnest({triggers}) as wanted
where not exists (
    select
    from pg_trigger
    where tgrelid = to_regclass('public.' || quote_ident(split_part(wanted, '.', 1)))
        and tgname = split_part(wanted, '.', 2)
        and tgenabled in ('O', 'A')
);

-- Functions that see past the policies: fixed search_path, an owner who really does, no door for anon or in public.
select pg_proc.oid::regprocedure as unsafe
from pg_proc
join pg_roles on pg_roles.oid = pg_proc.proowner
where pg_proc.pronamespace = 'private'::regnamespace
    and pg_proc.prosecdef
    and (
        coalesce(array_to_string(pg_proc.proconfig, ','), '') !~ '(^|,)search_path=""(,|$)'
        or not (pg_roles.rolsuper or pg_roles.rolbypassrls)
        or has_function_privilege('anon', pg_proc.oid, 'execute')
    );

select name as sees_no_more_than_its_caller
from unnest({called}) as name
where not (select prosecdef from pg_proc where oid = name::regprocedure);

select pg_proc.oid::regprocedure as open_to_all
from pg_proc
cross join lateral aclexplode(coalesce(pg_proc.proacl, acldefault('f', pg_proc.proowner))) as acl
where pg_proc.pronamespace = 'private'::regnamespace
    and acl.privilege_type = 'EXECUTE'
    and (
        acl.grantee in (0, 'anon'::regrole)
        or (acl.grantee = 'authenticated'::regrole and not pg_proc.oid = any (({called})::regprocedure[]))
    );

select name as not_callable
from unnest({called}) as name
where not has_function_privilege('authenticated', name, 'execute')
    or not has_schema_privilege('authenticated', 'private', 'usage');

select pg_proc.oid::regprocedure as definer_in_public
from pg_proc
where pg_proc.pronamespace = 'public'::regnamespace
    and pg_proc.prosecdef
    and not exists (
        select from pg_depend
        where classid = 'pg_proc'::regclass and objid = pg_proc.oid and deptype = 'e'
    )
    and (has_function_privilege('anon', pg_proc.oid, 'execute') or has_function_privilege('authenticated', pg_proc.oid, 'execute'));

-- Views show their caller what he may see.
select pg_class.relname as definer_view
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind = 'v'
    and not exists (
        select from pg_depend
        where classid = 'pg_class'::regclass and objid = pg_class.oid and deptype = 'e'
    )
    and not coalesce('security_invoker=true' = any (pg_class.reloptions)
        or 'security_invoker=on' = any (pg_class.reloptions)
        or 'security_invoker=1' = any (pg_class.reloptions), false);

-- Schemas: anon does not reach private, and no API role creates in public.
select 'schema ' || wrong as open_schema
from unnest(array['private']) as wrong
where has_schema_privilege('anon', wrong, 'usage');

select role || ' may create in public' as open_schema
from unnest(array['anon', 'authenticated']) as role
where has_schema_privilege(role, 'public', 'create');

-- API roles neither pass row-level security nor own a table.
select rolname as passes
from pg_roles
where rolname in ('anon', 'authenticated', 'authenticator') and (rolsuper or rolbypassrls);

select pg_class.relname as owned_by_api_role
from pg_class
where pg_class.relnamespace = 'public'::regnamespace
    and pg_class.relkind in ('r', 'p', 'v', 'm')
    and pg_class.relowner in ('anon'::regrole, 'authenticated'::regrole);
