-- Contract migrations that were applied since a release began.
select lpad(number::text, 4, '0') || '_' || name
from cryo.schema_migrations
where phase = 'contract' and finished_at >= %(since)s
order by number
