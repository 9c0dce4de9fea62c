-- Removes the agents' records and the feature flags with their rows.

drop table public.feature_flags, public.release_history, public.backup_catalogue, public.health_reports,
    public.audit_log;
