-- A setting waits for a restart
/*
severity = "warn"
profile = "quick"
evidence = ["running"]
meaning = "The configuration says one thing and the server does another; the next restart changes behaviour by surprise."
remedy = "Restart in a quiet moment, or take the change back."
*/
select name as object, setting as running from pg_settings where pending_restart
