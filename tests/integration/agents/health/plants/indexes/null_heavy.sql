/*
clean = {parameters = {rows = 1000}}
defect = {parameters = {rows = 1000}}
expect = ["public.planted_rare_idx"]
*/
create table public.planted (id bigint primary key, rare bigint, often bigint);
insert into public.planted select n, case when n % 50 = 0 then n end, n from generate_series(1, 2000) as n;
create index planted_often_idx on public.planted (often);
create index planted_part on public.planted (rare) where rare is not null;
analyze public.planted;
-- @defect
create index planted_rare_idx on public.planted (rare);
