-- Many transactions are rolled back
/*
severity = "warn"
profile = "quick"
evidence = ["rolled_back", "committed"]
parameters = {transactions = 1000}
threshold = {warn = 0.1, critical = 0.5, unit = "ratio", source = "cited: check_postgres commitratio; the limits are chosen"}
meaning = "The application runs into errors, or its pool ends every transaction that way."
remedy = "Read the server's log for the errors."
also = ["check_postgres:commitratio"]
*/
select
    datname as object,
    xact_rollback::float8 / (xact_commit + xact_rollback) as value,
    xact_rollback as rolled_back,
    xact_commit as committed
from pg_stat_database
where datname = current_database() and xact_commit + xact_rollback > @transactions@
