/*
mode = "committed"
clean = {parameters = {dead = 100}}
defect = {parameters = {dead = 100}}
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key) with (autovacuum_enabled = false);
insert into public.planted select n from generate_series(1, 1000) as n;
vacuum analyze public.planted;
-- @defect
delete from public.planted where id <= 700;
