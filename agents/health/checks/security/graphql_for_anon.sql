-- Anonymous callers find a table through GraphQL
/*
severity = "info"
requires = {roles = ["anon"], extensions = ["pg_graphql"]}
meaning = "Its name and columns are shown to everybody by introspection, whatever its policies say of rows."
remedy = "Revoke select from anon where anonymous reading is not meant."
also = ["supabase:0026_pg_graphql_anon_table_exposed"]
*/
select format('%I.%I', n.nspname, c.relname) as object
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and @is_exposed@ and has_table_privilege('anon', c.oid, 'select')
