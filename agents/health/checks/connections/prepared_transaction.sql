-- A prepared transaction was forgotten
/*
severity = "warn"
profile = "quick"
evidence = ["owner", "database", "prepared"]
threshold = {warn = 300, critical = 3600, unit = "s", source = "chosen: a coordinator decides within seconds"}
meaning = "It survives restarts, keeps its locks and stops vacuum until somebody ends it."
remedy = "Ask its coordinator; then commit prepared or rollback prepared by the name shown."
also = ["check_postgres:prepared_txns"]
*/
select
    gid as object,
    extract(epoch from clock_timestamp() - prepared) as value,
    owner,
    database,
    prepared
from pg_prepared_xacts
