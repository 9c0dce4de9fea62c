-- Releases of one application, newest first.
select release_id, phase, from_colour, to_colour, from_version, to_version, reasons, started_at, finished_at
from public.release_history
where app = %(app)s
order by started_at desc
limit %(limit)s
