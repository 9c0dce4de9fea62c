-- A session waits for a lock that another holds
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["role", "application", "blocked_by", "blocker_state", "blocker_application"]
threshold = {warn = 5, critical = 60, unit = "s", source = "chosen: deadlock_timeout is 1 s; after 5 s people notice"}
meaning = "The waiting session and everybody behind it stand still until the first blocker ends."
remedy = "End what blocks: the root is a blocker that waits for nobody; pg_terminate_backend if its owner does not answer."
also = ["pganalyze:blocking_query", "pghero:blocked_queries", "supabase:inspect blocking", "check_postgres:locks"]
*/
select
    'process ' || a.pid as object,
    extract(epoch from clock_timestamp() - l.waitstart) as value,
    a.usename as role,
    a.application_name as application,
    l.blockers as blocked_by,
    b.state as blocker_state,
    b.application_name as blocker_application
from (
    select pid, min(waitstart) as waitstart, pg_blocking_pids(pid) as blockers
    from pg_locks
    where not granted and waitstart is not null
    group by pid
) as l
join pg_stat_activity as a on a.pid = l.pid
left join pg_stat_activity as b on b.pid = l.blockers[1]
