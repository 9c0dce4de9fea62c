-- Which relation each file of this database belongs to, so that a damaged file gets a name.
select pg_relation_filepath(pg_class.oid), format('%s.%s', nspname, relname)
from pg_class
join pg_namespace on pg_namespace.oid = relnamespace
where pg_relation_filepath(pg_class.oid) is not null
