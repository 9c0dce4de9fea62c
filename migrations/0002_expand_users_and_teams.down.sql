-- Removes people's profiles, teams and memberships with their rows.

drop table public.user_team_membership, public.team_roles, public.teams, public.user_profiles;
drop function private.touch_updated_at();
drop schema private;
