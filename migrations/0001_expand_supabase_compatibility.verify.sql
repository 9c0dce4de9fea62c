-- Each row is something that API requests need and that is missing.
-- @expect zero-rows

select 'role ' || needed as missing
from unnest(array['anon', 'authenticated', 'service_role', 'authenticator']) as needed
where not exists (select from pg_roles where rolname = needed);

select 'role service_role does not pass row-level security' as missing
from pg_roles
where rolname = 'service_role' and not rolbypassrls;

select 'function ' || needed as missing
from unnest(array['auth.uid()', 'auth.jwt()', 'auth.role()']) as needed
where to_regprocedure(needed) is null;

select 'table auth.users' as missing
where to_regclass('auth.users') is null;
