-- Whether this server is Supabase's, by the roles that only Supabase makes; the same question as in migration 0001.
select exists (select from pg_roles where rolname in ('supabase_admin', 'supabase_auth_admin'))
