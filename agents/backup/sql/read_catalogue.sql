-- Every set that is or was, newest first.
select label, kind, status, started_at, finished_at, verified_level, verified_at, held_until, manifest_sha256, error
from public.backup_catalogue
order by started_at desc, label desc
