-- Row-level security lets nobody in
/*
severity = "info"
evidence = ["rows"]
meaning = "Every role but the owner and those that bypass security sees an empty table; for an internal one that is meant."
remedy = "Add policies, or accept the finding with its reason."
also = ["supabase:0008_rls_enabled_no_policy"]
*/
select format('%I.%I', n.nspname, c.relname) as object, c.reltuples as rows
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where @is_table@ and c.relrowsecurity and not exists (select from pg_policy as p where p.polrelid = c.oid)
