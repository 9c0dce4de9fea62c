-- Sessions that held a lock on a user's table for at least as long as we waited: one of them is who we waited for.
-- No query text: it may hold user data.
select
    activity.pid,
    activity.application_name,
    activity.usename,
    activity.state,
    round(extract(epoch from clock_timestamp() - activity.xact_start)::numeric, 3)::float8 as open_s,
    array_agg(distinct lock.relation::regclass::text order by lock.relation::regclass::text) as relations
from pg_locks as lock
join pg_stat_activity as activity on activity.pid = lock.pid
join pg_class as relation on relation.oid = lock.relation
join pg_namespace as namespace on namespace.oid = relation.relnamespace
where lock.granted
    and lock.locktype = 'relation'
    and lock.database = (select oid from pg_database where datname = current_database())
    and namespace.nspname not in ('pg_catalog', 'information_schema', 'pg_toast')
    and activity.pid <> pg_backend_pid()
    and activity.xact_start <= clock_timestamp() - make_interval(secs => %(waited_ms)s / 1000.0)
group by activity.pid, activity.application_name, activity.usename, activity.state, activity.xact_start
order by activity.xact_start
limit 5
