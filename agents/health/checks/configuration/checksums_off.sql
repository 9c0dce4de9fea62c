-- Nothing notices when the disk changes a page
/*
severity = "warn"
profile = "quick"
evidence = ["setting"]
meaning = "Silent damage is read as data and goes into every backup."
remedy = "Stop the server and run pg_checksums --enable, or load into a cluster that has them."
also = ["pg-healthcheck:G07-001", "pganalyze:checksums"]
*/
select name as object, setting from pg_settings where name = 'data_checksums' and setting = 'off'
