-- One applied migration.
insert into cryo.schema_migrations (
    number, phase, name, sha256, started_at, finished_at, duration_ms, lock_wait_ms, attempts,
    git_sha, actor, server_version, how
)
values (
    %(number)s, %(phase)s, %(name)s, %(sha256)s, %(started_at)s, %(finished_at)s, %(duration_ms)s, %(lock_wait_ms)s,
    %(attempts)s, %(git_sha)s, session_user || ' ' || current_setting('application_name'),
    current_setting('server_version_num')::integer, %(how)s
)
