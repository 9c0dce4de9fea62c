-- The columns that tell the rows of a table apart.
select attname::text
from pg_constraint
join pg_class on pg_class.oid = conrelid
join pg_namespace on pg_namespace.oid = relnamespace
cross join lateral unnest(conkey) with ordinality as keys (attnum, ordinality)
join pg_attribute on attrelid = conrelid and pg_attribute.attnum = keys.attnum
where contype = 'p' and nspname = %(schema)s and relname = %(name)s
order by ordinality
