-- Policies are written but not in force
/*
severity = "critical"
evidence = ["policies"]
meaning = "Somebody believes the table to be guarded, and it is not."
remedy = "Run what is shown."
also = ["supabase:0007_policy_exists_rls_disabled", "pgrls:SEC002"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(p.polname::text order by p.polname) as policies,
    format('alter table %I.%I enable row level security', n.nspname, c.relname) as fix_sql
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
where not c.relrowsecurity and @is_ours@
group by n.nspname, c.relname
