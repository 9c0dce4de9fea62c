/*
expect = ["public.planted"]
*/
create table public.planted (id bigint not null, value text);
-- @defect
alter table public.planted alter column id drop not null;
