/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
-- @defect
alter table public.planted set unlogged;
