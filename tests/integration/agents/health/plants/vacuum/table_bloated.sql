/*
mode = "committed"
clean = {parameters = {pages = 10}}
defect = {parameters = {pages = 10}}
expect = ["public.planted"]
extensions = ["pgstattuple"]
*/
create extension pgstattuple;
create table public.planted (id bigint primary key, value text) with (autovacuum_enabled = false);
insert into public.planted select n, repeat('x', 100) from generate_series(1, 5000) as n;
vacuum analyze public.planted;
-- @defect
delete from public.planted where id % 10 <> 0;
vacuum public.planted;
