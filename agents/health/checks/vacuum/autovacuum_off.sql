-- Autovacuum is switched off
/*
severity = "critical"
profile = "quick"
evidence = ["setting"]
meaning = "Dead rows pile up, statistics grow old, and transaction ids run out."
remedy = "Switch it on again: alter system set autovacuum = on (and track_counts), then pg_reload_conf()."
also = ["pganalyze:disabled_autovacuum", "pg-healthcheck:G05-004"]
*/
select name as object, reset_val as setting
from pg_settings
where name in ('autovacuum', 'track_counts') and reset_val = 'off'
