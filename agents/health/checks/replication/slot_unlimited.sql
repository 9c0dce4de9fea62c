-- A replication slot may fill the disk
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["active"]
meaning = "With no limit a consumer that stays away stops the whole server."
remedy = "Set max_slot_wal_keep_size to what the disk can spare."
also = ["pg-healthcheck:G09-005"]
*/
select slot_name as object, active
from pg_replication_slots
where not temporary and current_setting('max_slot_wal_keep_size') = '-1'
