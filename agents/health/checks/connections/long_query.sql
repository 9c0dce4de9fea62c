-- A statement runs very long
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["role", "application", "database", "waits_for"]
threshold = {warn = 300, critical = 3600, unit = "s", source = "cited: Supabase inspect lists statements over five minutes; an hour is chosen"}
meaning = "It holds its snapshot and locks all the while; backups and vacuum are left out here."
remedy = "Look at its plan; cancel it with pg_cancel_backend if nobody waits for it."
also = ["pghero:long_running_queries", "pganalyze:active_query", "supabase:inspect long-running-queries"]
*/
select
    'process ' || pid as object,
    extract(epoch from clock_timestamp() - query_start) as value,
    usename as role,
    application_name as application,
    datname as database,
    wait_event as waits_for
from pg_stat_activity
where state = 'active' and backend_type = 'client backend' and pid <> pg_backend_pid()
    and query !~* '^\s*(vacuum|analyze|copy .* to stdout|base_backup|start_replication)'
