-- An index was never used
/*
severity = "info"
requires = {statistics_age_s = 604800}
evidence = ["table", "size_bytes"]
parameters = {size_bytes = 1}
meaning = "Every write keeps it and no read asked for it since the counters were reset."
remedy = "Ask the standbys too, whose reads count there; then drop it concurrently."
also = ["supabase:0005_unused_index", "pghero:unused_indexes", "pg-index-health:UNUSED_INDEXES", "supabase:inspect index-stats", "pg-healthcheck:G08-002"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    pg_relation_size(c.oid) as size_bytes
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
where pg_stat_get_numscans(c.oid) = 0 and c.relkind = 'i' and @is_ours@
    and not (i.indisunique or i.indisexclusion or i.indisreplident or i.indisclustered)
    and i.indisvalid and c.relpages * 8192::bigint >= @size_bytes@
    and not exists (
        select from pg_constraint as k
        where k.conrelid = i.indrelid and k.contype = 'f'
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
    )
