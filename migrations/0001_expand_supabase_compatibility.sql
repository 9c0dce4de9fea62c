-- Adds what Supabase brings and a plain PostgreSQL lacks: schema auth, the API roles, and who the caller is.
-- On Supabase it finds Supabase's own roles and leaves everything as it is.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

do $$
declare
    api_role text;
begin
    if exists (select from pg_roles where rolname in ('supabase_admin', 'supabase_auth_admin')) then
        return;
    end if;

    -- Roles belong to the whole cluster, so another database may have made them already.
    foreach api_role in array array['anon', 'authenticated', 'service_role', 'authenticator'] loop
        if not exists (select from pg_roles where rolname = api_role) then
            execute format('create role %I nologin noinherit', api_role);
        end if;
    end loop;
    -- The service role passes row-level security by its attribute, not by a policy that is always true.
    alter role service_role bypassrls;
    -- The API logs in as authenticator, which has no rights of its own, and becomes the caller's role per request.
    grant anon, authenticated, service_role to authenticator;

    if to_regnamespace('auth') is null then
        create schema auth;
        comment on schema auth is 'CryoProtect stand-in for Supabase auth: who the caller is.';
    end if;
    grant usage on schema auth to anon, authenticated, service_role;

    create table if not exists auth.users (
        id uuid primary key default gen_random_uuid(),
        email text unique,
        created_at timestamptz not null default now()
    );
    if obj_description('auth.users'::regclass, 'pg_class') is null then
        comment on table auth.users is 'People who can sign in; Supabase has its own.';
    end if;

    if to_regprocedure('auth.jwt()') is null then
        -- A pooled session keeps a reset SET LOCAL as an empty text, which must read as absent.
        create function auth.jwt() returns jsonb language sql stable parallel safe as $body$
            select nullif(current_setting('request.jwt.claims', true), '')::jsonb
        $body$;
        comment on function auth.jwt() is 'Claims of the caller''s token; null without a token.';
    end if;
    if to_regprocedure('auth.uid()') is null then
        create function auth.uid() returns uuid language sql stable parallel safe as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            )::uuid
        $body$;
        comment on function auth.uid() is 'User of the caller''s token; null without a token.';
    end if;
    if to_regprocedure('auth.role()') is null then
        create function auth.role() returns text language sql stable parallel safe as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.role', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
            )
        $body$;
        comment on function auth.role() is 'Role in the caller''s token; null without a token.';
    end if;
end
$$;
