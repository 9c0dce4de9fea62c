/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key, value text);
insert into public.planted select n, repeat('x', 100) from generate_series(1, 1000) as n;
analyze public.planted;
-- @defect
delete from pg_statistic where starelid = 'public.planted'::regclass;
