/*
expect = ["public.planted / planted_again"]
*/
create table public.planted (id bigint primary key, team_id uuid references public.teams (id), other_id uuid references public.teams (id));
-- @defect
alter table public.planted add constraint planted_again foreign key (team_id) references public.teams (id);
