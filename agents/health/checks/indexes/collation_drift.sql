-- The operating system sorts text differently than when indexes were built
/*
severity = "critical"
profile = "quick"
evidence = ["recorded", "actual"]
meaning = "Indexes on text may miss rows and unique ones may hold duplicates."
remedy = "Rebuild the indexes on text, then alter database ... refresh collation version (or alter collation)."
also = ["postgres-checkup:F008"]
*/
select
    format('collation %I.%I', n.nspname, c.collname) as object,
    c.collversion as recorded,
    pg_collation_actual_version(c.oid) as actual
from pg_collation as c
join pg_namespace as n on n.oid = c.collnamespace
where c.collversion is not null and c.collversion <> pg_collation_actual_version(c.oid)
    and exists (select from pg_depend as d where d.refclassid = 'pg_collation'::regclass and d.refobjid = c.oid)
union all
select 'database ' || datname, datcollversion, pg_database_collation_actual_version(oid)
from pg_database
where datname = current_database() and datcollversion <> pg_database_collation_actual_version(oid)
