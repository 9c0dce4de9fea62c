-- A large table is read from end to end again and again
/*
severity = "warn"
evidence = ["scans", "rows_per_scan", "index_scans"]
parameters = {rows = 10000, scans = 50}
threshold = {warn = 10000, unit = "rows per scan", source = "cited: pghero missing_indexes asks for 10,000 rows and under 95 % index use"}
meaning = "No index fits what is asked; the time grows with the table."
remedy = "Find the statement in queries.slow or queries.time_share and index its condition."
also = ["pghero:missing_indexes", "pg-index-health:TABLES_WITH_MISSING_INDEXES", "supabase:inspect table-stats"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    pg_stat_get_tuples_returned(c.oid)::float8 / pg_stat_get_numscans(c.oid) as value,
    pg_stat_get_numscans(c.oid) as scans,
    pg_stat_get_tuples_returned(c.oid) / pg_stat_get_numscans(c.oid) as rows_per_scan,
    coalesce(by_index.scans, 0) as index_scans
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
left join lateral (
    select sum(pg_stat_get_numscans(i.indexrelid)) as scans from pg_index as i where i.indrelid = c.oid
) as by_index on true
where c.relkind = 'r' and @is_ours@ and c.reltuples >= @rows@
    and pg_stat_get_numscans(c.oid) >= @scans@ and pg_stat_get_numscans(c.oid) > coalesce(by_index.scans, 0) * 0.05
