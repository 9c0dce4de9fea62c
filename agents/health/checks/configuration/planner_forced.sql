-- A way of planning is forbidden for everybody
/*
severity = "warn"
profile = "quick"
evidence = ["source"]
meaning = "Somebody mended one statement and made the others worse."
remedy = "Take the setting back and mend the statement it was for."
*/
select name as object, source
from pg_settings
where name ~ '^enable_' and boot_val = 'on' and reset_val = 'off'
