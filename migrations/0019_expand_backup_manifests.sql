-- Adds to the backup catalogue what a manifest says of a set: chain, WAL range, fingerprints, and every verification.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

alter table public.backup_catalogue
    add column engine text,
    add column repository bigint,
    add column parent text,
    add column timeline bigint,
    add column lsn_start pg_lsn,
    add column lsn_stop pg_lsn,
    add column server_version text,
    add column encryption_key_ids text [],
    add column schema_fingerprint text,
    add column access_fingerprint text,
    add column migration_head text,
    add column row_count bigint,
    add column colour text,
    add column git_sha text,
    add column manifest_sha256 text,
    add column manifest jsonb,
    add column verifications jsonb not null default '[]';
comment on column public.backup_catalogue.engine is 'Program that wrote the set, with its version.';
comment on column public.backup_catalogue.parent is 'Set that this one builds on; null for a full or logical one.';
comment on column public.backup_catalogue.manifest_sha256 is 'Of the signed file beside the set; another value there means that the set was replaced.';
comment on column public.backup_catalogue.manifest is 'What the signed file says, with rows and digest of each table.';
comment on column public.backup_catalogue.verifications is 'Each verification: when, which levels, and why one failed; the newest is last.';
