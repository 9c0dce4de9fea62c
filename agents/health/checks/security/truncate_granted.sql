-- An API role may empty a table
/*
severity = "warn"
requires = {roles = ["anon"]}
evidence = ["granted_to"]
meaning = "TRUNCATE asks no policy: row-level security does not stop it."
remedy = "Revoke it: revoke truncate on ... from anon, authenticated."
also = ["pgrls:SEC044"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where @is_table@ and has_table_privilege(r.oid, c.oid, 'truncate')
group by n.nspname, c.relname
