-- A table is mostly air
/*
severity = "warn"
requires = {extensions = ["pgstattuple"], monitor = true}
generated = true
evidence = ["size_bytes", "free_bytes"]
parameters = {pages = 1280, tables = 20}
threshold = {warn = 0.5, unit = "share that is empty", source = "chosen: half empty doubles what a scan reads; splinter asks for a factor of 5 by estimate, this is measured"}
timeout_s = 10
meaning = "Scans read twice the pages that the rows need, and vacuum does not give the space back."
remedy = "If the space will not be used again: pg_repack, or vacuum full in a maintenance window."
also = ["supabase:0020_table_bloat", "supabase:inspect bloat", "check_postgres:bloat", "pg-index-health:BLOATED_TABLES"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format(
        'select approx_free_percent / 100 as value, table_len as size_bytes, approx_free_space as free_bytes '
        'from %s.pgstattuple_approx(%s::regclass)', '@pgstattuple@', c.oid
    ) as query
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpages >= @pages@ and @is_ours@
order by c.relpages desc
limit @tables@
