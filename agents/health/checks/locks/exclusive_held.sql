-- A table is locked against everybody
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["process", "application", "state"]
threshold = {warn = 5, critical = 60, unit = "s", source = "chosen: our migrations hold it for 0.5 s at most"}
meaning = "An ACCESS EXCLUSIVE lock stops even reads of this table."
remedy = "Wait for the change of schema that holds it, or end it; set lock_timeout for such work."
also = ["supabase:inspect locks"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    extract(epoch from clock_timestamp() - a.xact_start) as value,
    a.pid as process,
    a.application_name as application,
    a.state
from pg_locks as l
join pg_class as c on c.oid = l.relation
join pg_namespace as n on n.oid = c.relnamespace
join pg_stat_activity as a on a.pid = l.pid
where l.mode = 'AccessExclusiveLock' and l.granted and c.relkind in ('r', 'p', 'm') and n.nspname !~ '^pg_'
    and l.database = (select oid from pg_database where datname = current_database())
