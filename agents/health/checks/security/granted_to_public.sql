-- Every role, present and future, may use a table
/*
severity = "warn"
evidence = ["privileges"]
meaning = "A right that is given to PUBLIC cannot be taken from a single role."
remedy = "Revoke it from public and grant it to the roles that need it."
also = ["pg-healthcheck:G11-007"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct g.privilege_type) as privileges
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral aclexplode(c.relacl) as g
where @is_table@ and g.grantee = 0
group by n.nspname, c.relname
