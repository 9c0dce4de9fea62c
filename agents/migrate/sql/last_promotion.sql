-- When traffic last moved to another version and stayed there.
select max(coalesce(finished_at, started_at))
from public.release_history
where phase = 'promoted'
