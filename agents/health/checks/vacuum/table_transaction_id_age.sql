-- A table keeps old transaction ids
/*
severity = "warn"
evidence = ["rows"]
threshold = {warn = 500000000, critical = 1200000000, unit = "transactions", source = "cited: as for the database"}
fix = "vacuum"
meaning = "This table is what brings the database towards its limit."
remedy = "Vacuum it as shown; if that does not help, something holds the horizon."
also = ["pg-healthcheck:G05-002"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    age(c.relfrozenxid) as value,
    c.reltuples as rows,
    format('vacuum (freeze) %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'm') and c.relfrozenxid <> '0' and @is_ours@
