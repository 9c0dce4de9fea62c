-- An index is mostly air
/*
severity = "warn"
requires = {extensions = ["pgstattuple"], monitor = true}
generated = true
evidence = ["size_bytes", "leaf_density"]
parameters = {pages = 1280, indexes = 20}
threshold = {warn = 0.5, unit = "share that is empty", source = "cited: a fresh btree is 90 % full; half empty doubles what is read"}
fix = "reindex_concurrently"
timeout_s = 10
meaning = "Reads load twice the pages that the entries need."
remedy = "Build it anew without blocking writers, as shown."
also = ["pghero:index_bloat", "supabase:inspect bloat", "check_postgres:bloat", "pg-index-health:BLOATED_INDEXES"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format(
        'select 1 - avg_leaf_density / 90 as value, index_size as size_bytes, avg_leaf_density as leaf_density, '
        '%L as fix_sql from %s.pgstatindex(%s::regclass)',
        format('reindex index concurrently %I.%I', n.nspname, c.relname), '@pgstattuple@', c.oid
    ) as query
from pg_class as c
join pg_am as m on m.oid = c.relam and m.amname = 'btree'
join pg_namespace as n on n.oid = c.relnamespace
join pg_index as i on i.indexrelid = c.oid and i.indisvalid
where c.relkind = 'i' and c.relpages >= @pages@ and @is_ours@
order by c.relpages desc
limit @indexes@
