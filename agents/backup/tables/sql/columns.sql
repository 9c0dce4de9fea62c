-- What a table is made of; no row when there is none of that name.
select attname::text, format_type(atttypid, atttypmod), attgenerated <> '', attidentity::text
from pg_attribute
join pg_class on pg_class.oid = attrelid
join pg_namespace on pg_namespace.oid = relnamespace
where nspname = %(schema)s and relname = %(name)s and relkind = 'r' and attnum > 0 and not attisdropped
order by attnum
