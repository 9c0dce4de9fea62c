-- A policy lets everybody write
/*
severity = "warn"
evidence = ["policy", "command"]
meaning = "It looks like a rule and is none: every row may be changed by everybody that it names."
remedy = "Say who may; for a service use a role that bypasses row-level security instead."
also = ["supabase:0024_rls_policy_always_true", "pgrls:SEC005"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, p.polname) as object,
    p.polname as policy,
    case p.polcmd when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete' else 'all' end as command
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
where p.polpermissive and p.polcmd <> 'r' and @is_ours@
    and (0 = any (p.polroles) or exists (
        select from pg_roles as r where r.oid = any (p.polroles) and not r.rolbypassrls and not r.rolsuper
    ))
    and (
        coalesce(pg_get_expr(p.polwithcheck, p.polrelid), 'true') = 'true'
        and coalesce(pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'
    )
