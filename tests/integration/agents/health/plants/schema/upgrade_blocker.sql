/*
expect = ["public.planted / value"]
*/
create table public.planted (id bigint primary key, good regclass);
-- @defect
alter table public.planted add column value regproc;
