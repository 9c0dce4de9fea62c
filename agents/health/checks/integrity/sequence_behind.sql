-- A sequence is behind the rows it numbers
/*
severity = "critical"
generated = true
evidence = ["highest", "last_value"]
timeout_s = 10
meaning = "The next inserts will fail with a duplicate key; a restore or a copy left the sequence behind."
remedy = "Set it as shown."
*/
select
    format('%I.%I', sn.nspname, s.relname) as object,
    format(
        'select case when highest > last_value then 1 else 0 end as value, highest, last_value, '
        'format(''select setval(%%L, %%s)'', %L, highest) as fix_sql '
        'from (select max(%I)::bigint as highest from %I.%I) as filled, '
        '(select coalesce(pg_sequence_last_value(%s::regclass), 0) as last_value) as reached',
        format('%I.%I', sn.nspname, s.relname), a.attname, n.nspname, c.relname, s.oid
    ) as query
from pg_class as s
join pg_namespace as sn on sn.oid = s.relnamespace
join pg_sequence as q on q.seqrelid = s.oid and q.seqincrement > 0
join pg_depend as d
    on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.refclassid = 'pg_class'::regclass
    and d.deptype in ('a', 'i') and d.refobjsubid > 0
join pg_class as c on c.oid = d.refobjid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.refobjsubid
join pg_index as i on i.indrelid = c.oid and i.indkey[0] = a.attnum and i.indisvalid and i.indpred is null
where s.relkind = 'S' and c.relkind in ('r', 'p') and @is_ours@ and i.indisunique
    and a.atttypid in ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
    and has_sequence_privilege(q.seqrelid, 'select')
