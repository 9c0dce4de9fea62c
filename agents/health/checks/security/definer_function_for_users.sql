-- Every signed-in user runs a function with its owner's rights
/*
severity = "info"
requires = {roles = ["anon", "authenticated"]}
evidence = ["owner"]
meaning = "Whatever it does passes row-level security; it must check the caller by itself."
remedy = "Move it to a schema that the API does not show, or revoke execute."
also = ["supabase:0029_authenticated_security_definer_function_executable"]
*/
select
    format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as object,
    pg_get_userbyid(f.proowner) as owner
from pg_proc as f
join pg_namespace as n on n.oid = f.pronamespace
where f.prosecdef and f.prokind in ('f', 'p') and @is_exposed@ and f.prorettype <> 'trigger'::regtype
    and has_function_privilege('authenticated', f.oid, 'execute')
    and not exists (
        select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
    )
