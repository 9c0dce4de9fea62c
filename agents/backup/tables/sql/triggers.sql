-- Every trigger of a table that somebody made, and when it fires.
select tgname::text, tgenabled::text
from pg_trigger
join pg_class on pg_class.oid = tgrelid
join pg_namespace on pg_namespace.oid = relnamespace
where not tgisinternal and nspname = %(schema)s and relname = %(name)s
order by tgname
