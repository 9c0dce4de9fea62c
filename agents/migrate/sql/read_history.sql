-- Everything that was applied, in order; a history that older code made has no column for how.
select number, phase, name, sha256, finished_at, duration_ms, lock_wait_ms, attempts,
    coalesce(to_jsonb(migration) ->> 'how', 'applied')
from cryo.schema_migrations as migration
order by number, finished_at
