-- A column's type stops pg_upgrade
/*
severity = "info"
evidence = ["type"]
meaning = "Object ids of the catalogue change in an upgrade, so pg_upgrade refuses such columns."
remedy = "Keep the name as text instead."
also = ["supabase:0018_unsupported_reg_types", "pg-healthcheck:G10-007"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.atttypid in (
    'regcollation'::regtype, 'regconfig'::regtype, 'regdictionary'::regtype, 'regnamespace'::regtype,
    'regoper'::regtype, 'regoperator'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'aclitem'::regtype
)
    and a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'm') and @is_ours@
