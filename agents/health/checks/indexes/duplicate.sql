-- Two indexes are the same
/*
severity = "warn"
evidence = ["table", "same_as", "size_bytes"]
meaning = "Every write keeps both; reads need one."
remedy = "Drop the one that no constraint owns, after a look at who uses its name."
also = ["supabase:0009_duplicate_index", "pghero:duplicate_indexes", "pg-index-health:DUPLICATED_INDEXES", "pg-healthcheck:G08-003"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    s.kept as same_as,
    pg_relation_size(c.oid) as size_bytes
from (
    select
        indexrelid,
        indrelid,
        first_value(indexrelid::regclass::text) over same_shape as kept,
        row_number() over same_shape as place
    from pg_index
    where indisvalid and indrelid >= 16384
    window same_shape as (
        partition by
            indrelid, indkey::text, indclass::text, indcollation::text, indoption::text, indnkeyatts,
            coalesce(pg_get_expr(indexprs, indrelid), ''), coalesce(pg_get_expr(indpred, indrelid), ''),
            (select relam from pg_class where oid = indexrelid)
        order by indisprimary desc, indisunique desc, indexrelid
    )
) as s
join pg_class as c on c.oid = s.indexrelid
join pg_class as t on t.oid = s.indrelid
join pg_namespace as n on n.oid = c.relnamespace
where s.place > 1 and @is_ours@
