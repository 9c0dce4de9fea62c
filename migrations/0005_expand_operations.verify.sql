-- Each row is a table without its comment.
-- @expect zero-rows

select needed as missing
from unnest(array['audit_log', 'health_reports', 'backup_catalogue', 'release_history', 'feature_flags']) as needed
where obj_description(to_regclass('public.' || needed), 'pg_class') is null;
