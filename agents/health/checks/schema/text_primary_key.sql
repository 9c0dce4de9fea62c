-- A primary key is a text
/*
severity = "info"
evidence = ["column", "type"]
meaning = "Every index and foreign key carries it, and its order depends on the operating system's collation."
remedy = "Keep it unique, and let a bigint or uuid be the key."
also = ["pg-index-health:PRIMARY_KEYS_WITH_VARCHAR"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    a.attname as column,
    format_type(a.atttypid, a.atttypmod) as type
from pg_index as i
join pg_class as c on c.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as a on a.attrelid = c.oid and a.attnum = i.indkey[0]
where i.indisprimary and i.indnkeyatts = 1 and a.atttypid in ('text'::regtype, 'varchar'::regtype, 'bpchar'::regtype)
    and @is_table@
    and exists (select from pg_constraint as k where k.confrelid = c.oid and k.contype = 'f')
