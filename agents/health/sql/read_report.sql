-- One report, and the one of the same profile before it.
select r.report, (
    select before.report from public.health_reports as before
    where before.id < r.id and before.profile = r.profile
    order by before.id desc limit 1
)
from public.health_reports as r
where r.id = %(id)s
