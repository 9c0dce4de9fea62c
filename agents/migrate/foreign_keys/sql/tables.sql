-- Which of the named tables exist, what they are, and how many rows the planner expects.
select
    namespace.nspname,
    class.relname,
    class.relkind::text,
    class.relispartition,
    class.reltuples::bigint
from pg_class as class
join pg_namespace as namespace on namespace.oid = class.relnamespace
where namespace.nspname || '.' || class.relname = any(%(tables)s)
    and class.relkind not in ('i', 'I', 'c', 't')
