/*
expect = ["public.planted / value"]
*/
create table public.planted (id bigint generated always as identity primary key);
-- @defect
alter table public.planted add column value serial;
