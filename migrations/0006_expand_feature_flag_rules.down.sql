-- Removes the overrides and the audit of flags with its two columns; the role stays, because other databases may use it.

revoke usage on schema private from cryo_flags;
drop function private.read_feature_flags();
drop trigger feature_flags_audit on public.feature_flags;
drop table public.feature_flag_overrides;
drop function private.record_flag_change();
alter table public.audit_log drop column reason, drop column actor_name;
