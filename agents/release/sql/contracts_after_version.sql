-- Contract migrations applied since a version last gave its traffic away; all of them if it never had any.
select lpad(number::text, 4, '0') || '_' || name
from cryo.schema_migrations
where phase = 'contract' and finished_at > coalesce(
    (
        select max(coalesce(finished_at, started_at)) from public.release_history
        where app = %(app)s and from_version = %(version)s and phase = 'promoted'
    ),
    '-infinity'
)
order by number
