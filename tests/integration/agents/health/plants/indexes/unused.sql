/*
clean = {statistics_age_s = 1e9, parameters = {size_bytes = 100000}}
defect = {statistics_age_s = 1e9, parameters = {size_bytes = 100000}}
expect = ["public.planted_value_idx"]
*/
create table public.planted (id bigint primary key, value text unique, team_id uuid references public.teams (id));
insert into public.planted (id, value) select n, 'value number ' || n from generate_series(1, 6000) as n;
create index planted_team_idx on public.planted (team_id);
analyze public.planted;
-- @defect
create index planted_value_idx on public.planted (value);
analyze public.planted;
