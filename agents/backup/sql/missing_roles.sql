-- Which of these roles the server does not have.
select wanted
from unnest(%(roles)s::text[]) as wanted
where not exists (select from pg_roles where rolname = wanted)
order by 1
