-- A policy believes what users write about themselves
/*
severity = "critical"
evidence = ["policy"]
meaning = "user_metadata can be changed by its owner, so anybody can give himself any role."
remedy = "Use app_metadata, or look the right up in a table."
also = ["supabase:0015_rls_references_user_metadata", "pgrls:SEC026"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, p.polname) as object,
    p.polname as policy
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
where @is_ours@
    and concat_ws(' ', pg_get_expr(p.polqual, p.polrelid), pg_get_expr(p.polwithcheck, p.polrelid))
    ~* '(user_metadata|raw_user_meta_data)'
