/*
clean = {parameters = {pages = 5}}
defect = {parameters = {pages = 5}}
expect = ["public.planted"]
*/
create table public.planted (id bigint, value bigint);
insert into public.planted select n, n from generate_series(1, 2000) as n;
create index planted_1 on public.planted (id);
analyze public.planted;
-- @defect
create index planted_2 on public.planted (id);
create index planted_3 on public.planted (id, value);
create index planted_4 on public.planted (value, id);
create index planted_5 on public.planted (value);
analyze public.planted;
