-- Each row is a missing column, or a right that must not be there.
-- @expect zero-rows

select needed as missing
from unnest(array[
    'engine', 'repository', 'parent', 'timeline', 'lsn_start', 'lsn_stop', 'server_version', 'encryption_key_ids',
    'schema_fingerprint', 'access_fingerprint', 'migration_head', 'row_count', 'colour', 'git_sha', 'manifest_sha256',
    'manifest', 'verifications'
]) as needed
where not exists (
    select
    from pg_attribute
    where attrelid = to_regclass('public.backup_catalogue') and attname = needed and not attisdropped
);

select 'a verification may be null' as wrong
from pg_attribute
where attrelid = to_regclass('public.backup_catalogue') and attname = 'verifications' and not attnotnull;

select grantee || ' may ' || privilege_type as forbidden
from information_schema.table_privileges
where table_schema = 'public' and table_name = 'backup_catalogue' and grantee in ('PUBLIC', 'anon', 'authenticated');
