-- A replication slot lost its log
/*
severity = "critical"
profile = "quick"
requires = {monitor = true}
evidence = ["wal_status"]
meaning = "Its consumer can never catch up; it must be built anew."
remedy = "Drop the slot and set the standby or subscription up again."
also = ["pg-healthcheck:G09-004"]
*/
select slot_name as object, wal_status from pg_replication_slots where wal_status in ('lost', 'unreserved')
