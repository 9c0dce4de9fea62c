-- The newest migration file that was applied.
select name
from cryo.schema_migrations
order by number desc, finished_at desc
limit 1
