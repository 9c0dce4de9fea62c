/*
mode = "committed"
clean = {parameters = {rows = 100}}
defect = {parameters = {rows = 100}}
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key) with (autovacuum_enabled = false);
insert into public.planted select n from generate_series(1, 1000) as n;
select pg_stat_force_next_flush();
analyze public.planted;
-- @defect
update public.planted set id = id + 10000;
