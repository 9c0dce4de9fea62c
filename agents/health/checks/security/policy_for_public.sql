-- A policy names no role
/*
severity = "info"
evidence = ["policy"]
meaning = "It is evaluated for anonymous callers as well, and opens to any role that is made later."
remedy = "Add to authenticated (or the role it is for)."
also = ["pgrls:SEC003"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, p.polname) as object,
    p.polname as policy
from pg_policy as p
join pg_class as c on c.oid = p.polrelid
join pg_namespace as n on n.oid = c.relnamespace
where p.polpermissive and 0 = any (p.polroles) and @is_ours@
