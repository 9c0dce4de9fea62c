-- Each row is a table without its comment, or a role that is missing.
-- @expect zero-rows

select needed as missing
from unnest(array['user_profiles', 'teams', 'team_roles', 'user_team_membership']) as needed
where obj_description(to_regclass('public.' || needed), 'pg_class') is null;

select needed as missing
from unnest(array['viewer', 'member', 'admin', 'owner']) as needed
where not exists (select from public.team_roles where name = needed);
