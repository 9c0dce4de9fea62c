-- The server does not see what its sessions do
/*
severity = "warn"
profile = "quick"
evidence = ["setting"]
meaning = "Nobody can say which session waits, runs or holds what."
remedy = "Switch it on: alter system set track_activities = on, then pg_reload_conf()."
also = ["pganalyze:stats"]
*/
select name as object, reset_val as setting from pg_settings where name = 'track_activities' and reset_val = 'off'
