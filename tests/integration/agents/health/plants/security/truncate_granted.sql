/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
grant select, insert on public.planted to authenticated;
-- @defect
grant truncate on public.planted to authenticated;
