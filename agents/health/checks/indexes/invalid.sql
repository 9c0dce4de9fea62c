-- An index is broken
/*
severity = "critical"
evidence = ["table", "size_bytes"]
fix = "drop_invalid_index"
meaning = "A build was interrupted: writes pay for the index, reads cannot use it, and a unique one promises nothing."
remedy = "Drop it and build it again, both concurrently."
also = ["pghero:invalid_indexes", "pg-index-health:INVALID_INDEXES"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', tn.nspname, t.relname) as table,
    pg_relation_size(c.oid) as size_bytes,
    format('drop index concurrently %I.%I', n.nspname, c.relname) as fix_sql
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_class as t on t.oid = i.indrelid
join pg_namespace as tn on tn.oid = t.relnamespace
where not (i.indisvalid and i.indisready and i.indislive) and c.relkind = 'i' and @is_ours@
    and not exists (select from pg_stat_progress_create_index as p where p.index_relid = c.oid)
