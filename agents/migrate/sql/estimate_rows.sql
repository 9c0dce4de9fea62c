-- How many rows the named tables have, as the planner believes; -1 for one that was never analysed.
select name, reltuples::bigint
from unnest(%(names)s::text[]) as name
join pg_class on pg_class.oid = to_regclass(name)
