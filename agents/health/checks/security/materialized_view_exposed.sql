-- A materialised view is open to the API
/*
severity = "warn"
requires = {roles = ["anon"]}
evidence = ["granted_to"]
meaning = "It cannot have row-level security: everybody sees all of it."
remedy = "Revoke it, or move it to a schema that the API does not show."
also = ["supabase:0016_materialized_view_in_api", "pgrls:VIEW003"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.relkind = 'm' and @is_exposed@ and has_table_privilege(r.oid, c.oid, 'select')
group by n.nspname, c.relname
