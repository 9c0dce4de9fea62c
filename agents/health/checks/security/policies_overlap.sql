-- Several permissive policies decide the same question
/*
severity = "info"
evidence = ["role", "command", "policies"]
meaning = "Each is evaluated for each row, and the weakest of them wins, because they are joined by OR."
remedy = "Join them into one policy."
also = ["supabase:0006_multiple_permissive_policies"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    coalesce(r.rolname, 'public') as role,
    command,
    array_agg(p.polname::text order by p.polname) as policies
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral unnest(p.polroles) as member
left join pg_roles as r on r.oid = member
cross join lateral unnest(case p.polcmd when '*' then array['r', 'a', 'w', 'd'] else array[p.polcmd::text] end) as command
where p.polpermissive and c.relrowsecurity and @is_ours@
group by n.nspname, c.relname, r.rolname, command
having count(*) > 1
