-- The log leaves out what one will need
/*
severity = "info"
profile = "quick"
evidence = ["setting"]
meaning = "After an incident nobody can say what was slow or who waited for whom."
remedy = "Set log_lock_waits = on, log_checkpoints = on and log_min_duration_statement to a second or so."
also = ["pg-healthcheck:G03-009"]
*/
select name as object, reset_val as setting
from pg_settings
where (name in ('log_lock_waits', 'log_checkpoints') and reset_val = 'off')
    or (name = 'log_min_duration_statement' and reset_val = '-1')
    or (name = 'log_temp_files' and reset_val = '-1')
