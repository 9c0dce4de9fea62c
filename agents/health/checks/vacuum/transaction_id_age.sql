-- Transaction ids run out
/*
severity = "warn"
profile = "quick"
evidence = ["limit"]
threshold = {warn = 500000000, critical = 1200000000, unit = "transactions", source = "cited: the server stops at 2.1 billion; autovacuum begins at 200 million, so half a billion means that it does not get through"}
meaning = "At the limit the server refuses every write until a vacuum has run."
remedy = "Look at vacuum.horizon_held for what stops the freezing; then vacuum the oldest tables."
also = ["check_postgres:txn_wraparound", "pghero:transaction_id_danger", "pganalyze:txid_wraparound", "pg-healthcheck:G05-001"]
*/
select datname as object, age(datfrozenxid) as value, 2146483647 as limit from pg_database where datallowconn
