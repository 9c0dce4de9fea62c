-- A table that the API shows has no row-level security
/*
severity = "critical"
requires = {roles = ["anon"]}
evidence = ["granted_to"]
meaning = "Whoever has a key of the API reads or writes every row."
remedy = "alter table ... enable row level security, then add policies; or revoke the grants."
also = ["supabase:0013_rls_disabled_in_public", "pgrls:SEC001"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where @is_table@ and @is_exposed@ and not c.relrowsecurity and not c.relispartition
    and has_table_privilege(r.oid, c.oid, 'select, insert, update, delete')
group by n.nspname, c.relname
