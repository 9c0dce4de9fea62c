-- The newest backup that was proven to restore and is recent enough; no row when there is none.
select label, verified_level, finished_at
from public.backup_catalogue
where status = 'done'
    and verified_level >= %(level)s
    and finished_at >= %(since)s
    and finished_at <= %(now)s
order by finished_at desc
limit 1
