-- A sequence nears its end
/*
severity = "warn"
evidence = ["last_value", "limit", "column"]
threshold = {warn = 0.7, critical = 0.9, unit = "ratio", source = "cited: pghero sequence_danger and check_postgres warn at 85 to 90 %; 70 % leaves time to widen a column"}
meaning = "At the end every insert fails."
remedy = "Widen the column to bigint in steps before that; alter sequence ... as bigint alone is not enough."
also = ["pghero:sequence_danger", "check_postgres:sequence", "postgres-checkup:L003", "pg-index-health:SEQUENCE_OVERFLOW"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    pg_sequence_last_value(s.seqrelid)::float8 / bounds.top as value,
    pg_sequence_last_value(s.seqrelid) as last_value,
    bounds.top as limit,
    quote_ident(a.attname) as column
from pg_sequence as s
join pg_class as c on c.oid = s.seqrelid
join pg_namespace as n on n.oid = c.relnamespace
left join pg_depend as d
    on d.classid = 'pg_class'::regclass and d.objid = c.oid and d.refclassid = 'pg_class'::regclass
    and d.deptype in ('a', 'i') and d.refobjsubid > 0
left join pg_attribute as a on a.attrelid = d.refobjid and a.attnum = d.refobjsubid
cross join lateral (
    select least(s.seqmax, case a.atttypid when 'int2'::regtype then 32767 when 'int4'::regtype then 2147483647 end) as top
) as bounds
where s.seqincrement > 0 and not s.seqcycle and @is_ours@
    and has_sequence_privilege(s.seqrelid, 'select')
