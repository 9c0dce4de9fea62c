/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
grant select on public.planted to authenticated;
-- @defect
grant select on public.planted to public;
