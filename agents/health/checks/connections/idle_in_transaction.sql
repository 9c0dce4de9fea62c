-- A session holds a transaction open and does nothing
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["role", "application", "database"]
threshold = {warn = 60, critical = 1800, unit = "s", source = "cited: pganalyze warns after a minute; half an hour is chosen"}
fix = "terminate_idle_in_transaction"
meaning = "Its locks block others and vacuum cannot clean behind it."
remedy = "Mend the program that forgets to commit; end the session if it blocks somebody, and set idle_in_transaction_session_timeout."
also = ["check_postgres:txn_idle", "pganalyze:idle_transaction", "pg-healthcheck:G01-004"]
*/
select
    'process ' || pid as object,
    extract(epoch from clock_timestamp() - state_change) as value,
    usename as role,
    application_name as application,
    datname as database,
    format('select pg_terminate_backend(%s)', pid) as fix_sql
from pg_stat_activity
where state in ('idle in transaction', 'idle in transaction (aborted)') and pid <> pg_backend_pid()
