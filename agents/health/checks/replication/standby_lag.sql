-- A standby is far behind
/*
severity = "warn"
profile = "quick"
requires = {monitor = true, primary = true}
evidence = ["state", "address"]
threshold = {warn = 134217728, critical = 1073741824, unit = "bytes", source = "chosen: eight segments of 16 MiB are seconds of a busy server"}
meaning = "Reads there are old, and a switch to it would lose so much."
remedy = "Look at its disk and network, and at long queries that hold its replay."
also = ["check_postgres:hot_standby_delay", "pghero:replication_lag"]
*/
select
    application_name as object,
    pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn) as value,
    state,
    client_addr as address
from pg_stat_replication
where replay_lsn is not null
