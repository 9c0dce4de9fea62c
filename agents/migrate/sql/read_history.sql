-- Everything that was applied, in order.
select number, phase, name, sha256, finished_at, duration_ms, lock_wait_ms, attempts
from cryo.schema_migrations
order by number, finished_at
