-- Forgets a flag with its exceptions; the audit log keeps what it was.
delete from public.feature_flags where name = %(name)s
