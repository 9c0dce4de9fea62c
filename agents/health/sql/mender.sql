-- Whether this is a standby, whether we may write the audit log, and whether we are the only mender here.
select
    pg_is_in_recovery(),
    coalesce(has_table_privilege(to_regclass('public.audit_log'), 'insert'), false),
    case when pg_is_in_recovery() then false else pg_try_advisory_lock(hashtextextended('cryo.health.fix', 0)) end
