-- A foreign table is open to the API
/*
severity = "warn"
requires = {roles = ["anon"]}
evidence = ["granted_to"]
meaning = "Row-level security does not apply to it; whoever reads it acts on the other server."
remedy = "Revoke it, or move it to a schema that the API does not show."
also = ["supabase:0017_foreign_table_in_api"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.relkind = 'f' and @is_exposed@ and has_table_privilege(r.oid, c.oid, 'select')
group by n.nspname, c.relname
