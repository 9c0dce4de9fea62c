-- Transactions deadlock
/*
severity = "warn"
profile = "quick"
evidence = ["deadlocks", "since"]
threshold = {warn = 1, critical = 100, unit = "per day", source = "chosen: one a day is a defect in the order of locks, a hundred an outage"}
meaning = "The server ends one of the two each time; its work is lost and must be repeated."
remedy = "Find both statements in the log (log_lock_waits); let all code lock in the same order."
also = ["pg-healthcheck:G04-003"]
*/
select
    datname as object,
    deadlocks / greatest(extract(epoch from now() - since) / 86400, 1) as value,
    deadlocks,
    since
from (
    select datname, deadlocks, coalesce(stats_reset, pg_postmaster_start_time()) as since
    from pg_stat_database
    where datname = current_database()
) as counted
