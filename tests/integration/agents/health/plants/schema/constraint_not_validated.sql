/*
expect = ["public.planted / planted_positive"]
*/
create table public.planted (id bigint primary key, constraint known check (id <> 7));
-- @defect
alter table public.planted add constraint planted_positive check (id > 0) not valid;
