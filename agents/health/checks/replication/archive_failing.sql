-- Archiving the write-ahead log fails
/*
severity = "critical"
profile = "quick"
requires = {primary = true}
evidence = ["last_failed_wal", "last_failed_at", "last_archived_at"]
meaning = "Nothing after the last archived segment can be restored, and segments pile up until the disk is full."
remedy = "Read the server's log for what the archive command said; mend the repository or its access."
also = ["pg-healthcheck:G14-010", "check_postgres:archive_ready", "pgwatch:archiver"]
*/
select
    'archiver' as object,
    last_failed_wal,
    last_failed_time as last_failed_at,
    last_archived_time as last_archived_at
from pg_stat_archiver
where last_failed_time > coalesce(last_archived_time, '-infinity') and current_setting('archive_mode') <> 'off'
