/*
expect = ["public.planted / planted_positive"]
*/
create table public.planted (id bigint primary key, value bigint);
insert into public.planted values (1, 1), (2, null);
alter table public.planted add constraint planted_positive check (value > 0) not valid;
alter table public.planted add constraint planted_small check (value < 5) not valid;
-- @defect
alter table public.planted drop constraint planted_positive;
insert into public.planted values (3, -1);
alter table public.planted add constraint planted_positive check (value > 0) not valid;
