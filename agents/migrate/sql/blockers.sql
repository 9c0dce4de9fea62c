-- Who a backend waits for at this moment, and what it wants to lock; no query text, it may hold user data.
select
    blocker.pid,
    activity.application_name,
    activity.usename,
    activity.state,
    round(extract(epoch from clock_timestamp() - activity.xact_start)::numeric, 3)::float8 as open_s,
    (
        select array_agg(distinct coalesce(relation::regclass::text, locktype))
        from pg_locks
        where pid = %(pid)s and not granted
    ) as wanted
from unnest(pg_blocking_pids(%(pid)s)) as blocker (pid)
left join pg_stat_activity as activity on activity.pid = blocker.pid
