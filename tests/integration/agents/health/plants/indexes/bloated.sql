/*
mode = "committed"
clean = {parameters = {pages = 10}}
defect = {parameters = {pages = 10}}
expect = ["public.planted_pkey"]
extensions = ["pgstattuple"]
*/
create extension pgstattuple;
create table public.planted (id bigint primary key) with (autovacuum_enabled = false);
insert into public.planted select n from generate_series(1, 20000) as n;
analyze public.planted;
-- @defect
delete from public.planted where id % 10 <> 0;
vacuum (analyze, index_cleanup on) public.planted;
