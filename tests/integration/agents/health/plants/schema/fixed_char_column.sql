/*
expect = ["public.planted / value"]
*/
create table public.planted (id bigint primary key, good varchar(3), flag "char");
-- @defect
alter table public.planted add column value char(3);
