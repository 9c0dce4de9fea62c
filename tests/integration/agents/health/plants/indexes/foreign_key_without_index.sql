/*
expect = ["public.planted / planted_team_id_fkey"]
*/
create table public.planted (id bigint primary key, note text, team_id uuid references public.teams (id));
create index planted_team on public.planted (team_id, note);
-- @defect
drop index public.planted_team;
create index planted_part on public.planted (team_id) where note is null;
create index planted_second on public.planted (note, team_id);
