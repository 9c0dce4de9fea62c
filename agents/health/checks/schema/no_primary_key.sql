-- A table has no primary key
/*
severity = "warn"
meaning = "Rows cannot be told apart: no safe update, no logical replication, duplicates go unnoticed."
remedy = "Add one: a bigint generated always as identity if nothing else is unique."
also = ["supabase:0004_no_primary_key", "pg-index-health:TABLES_WITHOUT_PRIMARY_KEY", "pg-healthcheck:G10-001"]
*/
select format('%I.%I', n.nspname, c.relname) as object
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where @is_table@ and not c.relispartition
    and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisprimary)
