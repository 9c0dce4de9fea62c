-- A column pads its text with blanks
/*
severity = "info"
evidence = ["type"]
meaning = "char(n) stores blanks and ignores them in comparisons, which surprises everybody."
remedy = "Change it to text with a check on its length."
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format_type(a.atttypid, a.atttypmod) as type
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.atttypid = 'bpchar'::regtype and a.attnum > 0 and not a.attisdropped and @is_table@
