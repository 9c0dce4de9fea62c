-- A view gives away the table of users
/*
severity = "critical"
requires = {roles = ["anon"], relations = ["auth.users"]}
evidence = ["granted_to"]
meaning = "Addresses and logins of all users can be read through the API."
remedy = "Drop the view, or revoke it from anon and authenticated and copy what is public into a table."
also = ["supabase:0002_auth_users_exposed"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_rewrite as w on w.ev_class = c.oid
join pg_depend as d
    on d.classid = 'pg_rewrite'::regclass and d.objid = w.oid and d.refobjid = to_regclass('auth.users')
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.relkind in ('v', 'm') and @is_exposed@ and has_table_privilege(r.oid, c.oid, 'select')
group by n.nspname, c.relname
