/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key) with (autovacuum_vacuum_scale_factor = 0.01);
-- @defect
alter table public.planted set (autovacuum_enabled = false);
