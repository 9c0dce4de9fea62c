-- A forgotten session keeps an advisory lock
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["role", "application", "class", "key"]
threshold = {warn = 3600, unit = "s", source = "chosen: our runners hold theirs while they work"}
meaning = "Whoever wants the same lock, a migration for instance, waits for a session that does nothing."
remedy = "Find the program by application_name; end the session if nobody misses it."
*/
select
    'process ' || a.pid as object,
    extract(epoch from clock_timestamp() - a.state_change) as value,
    a.usename as role,
    a.application_name as application,
    l.classid::bigint as class,
    l.objid::bigint as key
from pg_locks as l
join pg_stat_activity as a on a.pid = l.pid
where l.locktype = 'advisory' and l.granted and a.state like 'idle%'
