-- A role is near its own limit of connections
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["in_use", "limit"]
threshold = {warn = 0.8, critical = 1, unit = "ratio", source = "chosen: as for all connections"}
meaning = "The next session of this role is refused although the server has room."
remedy = "End idle sessions of the role, or raise its limit with alter role."
*/
select
    r.rolname as object,
    count(a.pid)::float8 / r.rolconnlimit as value,
    count(a.pid) as in_use,
    r.rolconnlimit as limit
from pg_roles as r
left join pg_stat_activity as a on a.usesysid = r.oid and a.backend_type = 'client backend'
where r.rolconnlimit > 0
group by r.rolname, r.rolconnlimit
