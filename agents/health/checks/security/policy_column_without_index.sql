-- A policy compares a column that no index leads with
/*
severity = "info"
evidence = ["column"]
parameters = {rows = 10000}
meaning = "Every query of every user reads the whole table to find his own rows."
remedy = "Create the index that is shown."
also = ["pgrls:PERF003"]
*/
select distinct
    format('%I.%I', n.nspname, c.relname) as object,
    a.attname as column,
    format('create index concurrently on %I.%I (%I)', n.nspname, c.relname, a.attname) as fix_sql
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_depend as d
    on d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
    and d.refobjid = c.oid and d.refobjsubid > 0
join pg_attribute as a on a.attrelid = c.oid and a.attnum = d.refobjsubid
where c.relrowsecurity and c.reltuples >= @rows@ and @is_ours@
    and a.attname ~ '(_id|created_by|owner|user)$'
    and not exists (select from pg_index as i where i.indrelid = c.oid and i.indisvalid and i.indkey[0] = a.attnum)
