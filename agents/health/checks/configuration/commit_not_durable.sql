-- A commit is told before it is on disk
/*
severity = "warn"
profile = "quick"
evidence = ["setting"]
meaning = "A crash loses the last fraction of a second of what was told to be saved."
remedy = "Set synchronous_commit to on, at least for the roles whose data matters."
*/
select name as object, reset_val as setting
from pg_settings
where name = 'synchronous_commit' and reset_val = 'off'
