-- Removes what manifests say from the catalogue; the signed files beside the sets keep it.

alter table public.backup_catalogue
    drop column verifications, drop column manifest, drop column manifest_sha256, drop column git_sha,
    drop column colour, drop column row_count, drop column migration_head, drop column access_fingerprint,
    drop column schema_fingerprint, drop column encryption_key_ids, drop column server_version, drop column lsn_stop,
    drop column lsn_start, drop column timeline, drop column parent, drop column repository, drop column engine;
