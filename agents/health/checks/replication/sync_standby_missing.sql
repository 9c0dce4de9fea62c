-- Commits wait for a standby that is not there
/*
severity = "critical"
profile = "quick"
requires = {monitor = true, primary = true}
evidence = ["wanted"]
meaning = "Every commit hangs until one connects."
remedy = "Bring the standby back, or empty synchronous_standby_names and reload."
*/
select 'server' as object, reset_val as wanted
from pg_settings
where name = 'synchronous_standby_names' and reset_val <> ''
    and not exists (select from pg_stat_replication where sync_state in ('sync', 'quorum'))
