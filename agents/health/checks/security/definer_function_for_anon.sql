-- Anonymous callers run a function with its owner's rights
/*
severity = "warn"
requires = {roles = ["anon"]}
evidence = ["owner"]
meaning = "Whatever it does passes row-level security, for anybody on the internet."
remedy = "Run what is shown, or make it security invoker."
also = ["supabase:0028_anon_security_definer_function_executable"]
*/
select
    format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as object,
    pg_get_userbyid(f.proowner) as owner,
    format(
        'revoke execute on function %I.%I(%s) from public, anon', n.nspname, f.proname,
        pg_get_function_identity_arguments(f.oid)
    ) as fix_sql
from pg_proc as f
join pg_namespace as n on n.oid = f.pronamespace
where f.prosecdef and f.prokind in ('f', 'p') and @is_exposed@ and f.prorettype <> 'trigger'::regtype
    and has_function_privilege('anon', f.oid, 'execute')
    and not exists (
        select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
    )
