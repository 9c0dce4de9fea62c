-- A foreign key points at another key of the table of users
/*
severity = "info"
requires = {relations = ["auth.users"]}
evidence = ["column"]
meaning = "Unique columns of auth.users may change with an update of the platform; its primary key does not."
remedy = "Refer to auth.users (id)."
also = ["supabase:0021_fkey_to_auth_unique"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    x.relname as column
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_index as i on i.indexrelid = k.conindid
join pg_class as x on x.oid = i.indexrelid
where k.contype = 'f' and k.confrelid = to_regclass('auth.users') and not i.indisprimary and @is_ours@
