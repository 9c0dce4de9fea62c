-- A function trusts its caller's search path
/*
severity = "warn"
evidence = ["definer"]
meaning = "A caller who makes an object of the same name in his own schema decides what the function does."
remedy = "alter function ... set search_path = '', and write every name with its schema."
also = ["supabase:0011_function_search_path_mutable"]
*/
select
    format('%I.%I(%s)', n.nspname, f.proname, pg_get_function_identity_arguments(f.oid)) as object,
    f.prosecdef as definer
from pg_proc as f
join pg_namespace as n on n.oid = f.pronamespace
join pg_language as l on l.oid = f.prolang and l.lanname not in ('c', 'internal')
where f.prokind in ('f', 'p') and f.prosqlbody is null and @is_ours@
    and not exists (select from unnest(f.proconfig) as setting where setting like 'search_path=%')
    and not exists (
        select from pg_depend as d where d.classid = 'pg_proc'::regclass and d.objid = f.oid and d.deptype = 'e'
    )
