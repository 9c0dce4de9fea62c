-- A database is near its own limit of connections
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["in_use", "limit"]
threshold = {warn = 0.8, critical = 1, unit = "ratio", source = "chosen: as for all connections"}
meaning = "The next session to this database is refused although the server has room."
remedy = "End idle sessions there, or raise the limit with alter database."
*/
select
    d.datname as object,
    count(a.pid)::float8 / d.datconnlimit as value,
    count(a.pid) as in_use,
    d.datconnlimit as limit
from pg_database as d
left join pg_stat_activity as a on a.datid = d.oid and a.backend_type = 'client backend'
where d.datconnlimit > 0
group by d.datname, d.datconnlimit
