-- A crash may lose or ruin data
/*
severity = "critical"
profile = "quick"
evidence = ["setting"]
meaning = "Without fsync or full_page_writes a power cut can leave a database that does not start."
remedy = "Switch it on: alter system set ... = on, then pg_reload_conf()."
also = ["pganalyze:fsync", "pganalyze:full_page_writes", "pg-healthcheck:G07-005"]
*/
select name as object, reset_val as setting
from pg_settings
where name in ('fsync', 'full_page_writes') and reset_val = 'off'
