-- Each row is a table without its comment.
-- @expect zero-rows

select needed as missing
from unnest(array['model_versions', 'training_jobs', 'predictions']) as needed
where obj_description(to_regclass('public.' || needed), 'pg_class') is null;
