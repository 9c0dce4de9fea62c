-- Something old stops vacuum from cleaning
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["holder"]
threshold = {warn = 1000000, critical = 100000000, unit = "transactions", source = "cited: pganalyze xmin_horizon; a million is a day of a small site"}
meaning = "Rows that died since then cannot be removed, in no table of the server."
remedy = "End the session, drop the slot or end the prepared transaction that is named."
also = ["pganalyze:xmin_horizon", "pg-healthcheck:G05-009"]
*/
select 'process ' || pid as object, age(backend_xmin) as value, 'session of ' || coalesce(usename, backend_type) as holder
from pg_stat_activity
where backend_xmin is not null and pid <> pg_backend_pid()
union all
select 'prepared ' || gid, age(transaction), 'prepared transaction of ' || owner from pg_prepared_xacts
union all
select 'slot ' || slot_name, greatest(age(xmin), age(catalog_xmin)), 'replication slot' from pg_replication_slots
where xmin is not null or catalog_xmin is not null
union all
select 'standby ' || application_name, age(backend_xmin), 'feedback of a standby' from pg_stat_replication
where backend_xmin is not null
