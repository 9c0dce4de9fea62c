-- Writes what a manifest says of a set; a set that the database does not know yet, for example after a restore, is added.
insert into public.backup_catalogue (
    label, kind, status, started_at, finished_at, size_bytes, stored_bytes, wal_start, wal_stop, tool_version, engine,
    repository, parent, timeline, lsn_start, lsn_stop, server_version, encryption_key_ids, schema_fingerprint,
    access_fingerprint, migration_head, row_count, colour, git_sha, manifest_sha256, manifest
)
values (
    %(label)s, %(kind)s, 'done', %(started_at)s, %(finished_at)s, %(size_bytes)s, %(stored_bytes)s, %(wal_start)s,
    %(wal_stop)s, %(tool_version)s, %(engine)s, %(repository)s, %(parent)s, %(timeline)s, %(lsn_start)s, %(lsn_stop)s,
    %(server_version)s, %(encryption_key_ids)s, %(schema_fingerprint)s, %(access_fingerprint)s, %(migration_head)s,
    %(row_count)s, %(colour)s, %(git_sha)s, %(manifest_sha256)s, %(manifest)s::jsonb
)
on conflict (label) do update set
    status = 'done',
    error = null,
    finished_at = excluded.finished_at,
    size_bytes = excluded.size_bytes,
    stored_bytes = excluded.stored_bytes,
    wal_start = excluded.wal_start,
    wal_stop = excluded.wal_stop,
    tool_version = excluded.tool_version,
    engine = excluded.engine,
    repository = excluded.repository,
    parent = excluded.parent,
    timeline = excluded.timeline,
    lsn_start = excluded.lsn_start,
    lsn_stop = excluded.lsn_stop,
    server_version = excluded.server_version,
    encryption_key_ids = excluded.encryption_key_ids,
    schema_fingerprint = excluded.schema_fingerprint,
    access_fingerprint = excluded.access_fingerprint,
    migration_head = excluded.migration_head,
    row_count = excluded.row_count,
    colour = excluded.colour,
    git_sha = excluded.git_sha,
    manifest_sha256 = excluded.manifest_sha256,
    manifest = excluded.manifest
