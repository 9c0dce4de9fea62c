-- A longer index already does this one's work
/*
severity = "info"
evidence = ["table", "covered_by", "size_bytes"]
meaning = "Every write keeps both; the longer one answers the same questions, at a somewhat larger size."
remedy = "Drop it if the longer one is not much larger."
also = ["pg-index-health:INTERSECTED_INDEXES", "pghero:duplicate_indexes"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format('%I.%I', n.nspname, t.relname) as table,
    min(longer.indexrelid::regclass::text) as covered_by,
    pg_relation_size(c.oid) as size_bytes
from pg_index as i
join pg_class as c on c.oid = i.indexrelid
join pg_class as t on t.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_am as m on m.oid = c.relam and m.amname = 'btree'
join pg_index as longer
    on longer.indrelid = i.indrelid and longer.indexrelid <> i.indexrelid and longer.indisvalid
    and longer.indnkeyatts > i.indnkeyatts
    and longer.indkey::text like i.indkey::text || ' %'
    and longer.indclass::text like i.indclass::text || ' %'
    and longer.indcollation::text like i.indcollation::text || ' %'
    and longer.indoption::text like i.indoption::text || '%'
    and longer.indpred is null and longer.indexprs is null
join pg_class as longer_class on longer_class.oid = longer.indexrelid and longer_class.relam = c.relam
where i.indpred is null and i.indexprs is null and not i.indisunique and i.indisvalid
    and i.indnatts = i.indnkeyatts and @is_ours@
group by n.nspname, c.relname, t.relname, c.oid
