/*
expect = ["public.planted / value"]
*/
create table public.planted (id bigint primary key, good jsonb);
-- @defect
alter table public.planted add column value json;
