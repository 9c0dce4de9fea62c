-- Whether this database has our catalogue with what a manifest says; a hosted one that we only back up may not.
select exists (
    select
    from pg_attribute
    where attrelid = to_regclass('public.backup_catalogue') and attname = 'verifications' and not attisdropped
)
