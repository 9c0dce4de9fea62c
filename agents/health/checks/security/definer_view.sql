-- A view shows its owner's rows to everybody
/*
severity = "critical"
requires = {roles = ["anon"]}
evidence = ["granted_to"]
meaning = "It is read with the rights of its owner, so row-level security of the caller does not apply."
remedy = "Run what is shown, or revoke the grants."
also = ["supabase:0010_security_definer_view", "pgrls:VIEW001"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct r.rolname::text) as granted_to,
    format('alter view %I.%I set (security_invoker = true)', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where c.relkind = 'v' and @is_exposed@ and has_table_privilege(r.oid, c.oid, 'select')
    and not coalesce(c.reloptions && array['security_invoker=true', 'security_invoker=on'], false)
    and not exists (
        select from pg_depend as d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
    )
group by n.nspname, c.relname
