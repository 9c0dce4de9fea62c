-- A replication slot keeps log for nobody
/*
severity = "warn"
profile = "quick"
requires = {monitor = true, primary = true}
evidence = ["slot_type", "database"]
threshold = {warn = 134217728, critical = 10737418240, unit = "bytes", source = "chosen: eight segments of 16 MiB are a short break; 10 GiB fills small disks"}
meaning = "Its consumer is gone, and the log it would need grows until the disk is full."
remedy = "Bring the consumer back, or drop the slot with pg_drop_replication_slot."
also = ["supabase:inspect replication-slots", "pg-healthcheck:G09-002"]
*/
select
    slot_name as object,
    pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn) as value,
    slot_type,
    database
from pg_replication_slots
where not active and restart_lsn is not null
