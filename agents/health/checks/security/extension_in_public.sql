-- An extension lives where users may create objects
/*
severity = "info"
evidence = ["schema"]
meaning = "Its functions are shown by the API and mix with the application's own."
remedy = "alter extension ... set schema extensions."
also = ["supabase:0014_extension_in_public"]
*/
select e.extname as object, n.nspname as schema
from pg_extension as e
join pg_namespace as n on n.oid = e.extnamespace
where @is_exposed@
