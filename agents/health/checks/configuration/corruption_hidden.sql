-- The server is told to overlook damage
/*
severity = "critical"
profile = "quick"
evidence = ["setting"]
meaning = "Broken pages are read as if they were empty; what was on them is lost without a word."
remedy = "Switch it off, and restore what is damaged from a backup."
*/
select name as object, reset_val as setting
from pg_settings
where name in ('zero_damaged_pages', 'ignore_checksum_failure', 'ignore_invalid_pages', 'ignore_system_indexes')
    and reset_val = 'on'
