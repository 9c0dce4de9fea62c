-- Every signed-in user finds a table through GraphQL
/*
severity = "info"
requires = {roles = ["anon", "authenticated"], extensions = ["pg_graphql"]}
meaning = "Its name and columns are shown by introspection, whatever its policies say of rows."
remedy = "Revoke select from authenticated where reading is not meant."
also = ["supabase:0027_pg_graphql_authenticated_table_exposed"]
*/
select format('%I.%I', n.nspname, c.relname) as object
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and @is_exposed@ and has_table_privilege('authenticated', c.oid, 'select')
