-- The API shows a column that looks secret, without row-level security
/*
severity = "warn"
requires = {roles = ["anon"]}
evidence = ["columns", "granted_to"]
meaning = "Passwords, keys or identity numbers can be read by whoever has a key of the API."
remedy = "Enable row-level security, or grant only the other columns."
also = ["supabase:0023_sensitive_columns_exposed", "pgrls:SEC045"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    array_agg(distinct a.attname::text) as columns,
    array_agg(distinct r.rolname::text) as granted_to
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
join pg_roles as r on r.rolname in ('anon', 'authenticated')
where @is_table@ and @is_exposed@ and not c.relrowsecurity
    and a.attname ~* '(^|_)(password|passwd|secret|token|api_?key|private_?key|ssn|credit_?card|card_number|cvv|iban|pin)(_hash|_value|_number)?$'
    and has_column_privilege(r.oid, c.oid, a.attnum, 'select')
group by n.nspname, c.relname
