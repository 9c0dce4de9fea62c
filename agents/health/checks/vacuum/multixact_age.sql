-- Multixact ids run out
/*
severity = "warn"
profile = "quick"
threshold = {warn = 500000000, critical = 1200000000, unit = "multixacts", source = "cited: as for transaction ids; autovacuum begins at 400 million"}
meaning = "Rows that several transactions lock at once use them up; at the limit writes are refused."
remedy = "Vacuum the tables with the oldest relminmxid; look for foreign keys to a few hot rows."
also = ["pganalyze:mxid_age", "pg-healthcheck:G05-010"]
*/
select datname as object, mxid_age(datminmxid) as value from pg_database where datallowconn
