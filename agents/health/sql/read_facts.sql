-- The server, our rights there, and which extensions, tables and roles exist.
select
    current_setting('server_version_num')::int,
    current_setting('server_version'),
    pg_is_in_recovery(),
    (select rolsuper from pg_roles where rolname = current_user),
    pg_has_role(current_user, 'pg_monitor', 'usage'),
    extract(epoch from now() - coalesce(
        (select stats_reset from pg_stat_database where datname = current_database()), pg_postmaster_start_time()
    ))::float8,
    (select coalesce(jsonb_object_agg(extname, nspname), '{}')
        from pg_extension join pg_namespace on pg_namespace.oid = extnamespace),
    (select coalesce(array_agg(name), '{}') from unnest(%(relations)s::text[]) as name where to_regclass(name) is not null),
    (select coalesce(array_agg(rolname::text), '{}') from pg_roles)
