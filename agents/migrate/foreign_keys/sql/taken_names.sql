-- Names that a new index in these schemas could not have.
select namespace.nspname, array_agg(class.relname::text)
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
where namespace.nspname = any(%(schemas)s)
group by namespace.nspname
