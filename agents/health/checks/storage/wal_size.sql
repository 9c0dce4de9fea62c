-- The write-ahead log is larger than it should be
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["bytes", "files", "max_wal_size"]
threshold = {warn = 2, critical = 5, unit = "times max_wal_size", source = "chosen: checkpoints keep it near one; above two something holds it back"}
meaning = "A slot or a failing archive keeps segments; the disk fills and then the server stops."
remedy = "See replication.slot_inactive and replication.archive_failing."
also = ["pg-healthcheck:G14-001", "check_postgres:wal_files"]
*/
select
    'pg_wal' as object,
    bytes / allowed as value,
    bytes,
    files,
    allowed as max_wal_size
from (
    select
        sum(size)::float8 as bytes,
        count(*) as files,
        (select setting::float8 * 1048576 from pg_settings where name = 'max_wal_size') as allowed
    from pg_ls_waldir()
) as measured
