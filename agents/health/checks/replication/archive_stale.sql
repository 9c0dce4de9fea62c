-- Nothing was archived for long
/*
severity = "warn"
profile = "quick"
requires = {primary = true}
evidence = ["last_archived_at"]
threshold = {warn = 900, critical = 7200, unit = "s", source = "chosen: archive_timeout is 60 s, and PostgreSQL archives nothing while nothing is written"}
meaning = "What was written since cannot be restored if the disk is lost."
remedy = "See replication.archive_failing; if nothing fails, set archive_timeout."
also = ["pg-healthcheck:G14-011"]
*/
select
    'archiver' as object,
    extract(epoch from clock_timestamp() - last_archived_time) as value,
    last_archived_time as last_archived_at
from pg_stat_archiver
where current_setting('archive_mode') <> 'off' and last_archived_wal is not null
    and pg_walfile_name(pg_current_wal_insert_lsn()) > left(last_archived_wal, 24)
    and pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') % (
        select setting::bigint from pg_settings where name = 'wal_segment_size'
    ) > 1024
