-- Most connections do nothing
/*
severity = "info"
profile = "quick"
requires = {monitor = true}
evidence = ["idle"]
threshold = {warn = 0.5, unit = "ratio of max_connections", source = "chosen: half of the slots lent to sessions that ask nothing"}
meaning = "Slots and memory are held by sessions that ask nothing; a burst will find none free."
remedy = "Lower the pools' sizes or set idle_session_timeout."
*/
select
    'server' as object,
    count(*)::float8 / current_setting('max_connections')::int as value,
    count(*) as idle
from pg_stat_activity
where backend_type = 'client backend' and state = 'idle'
