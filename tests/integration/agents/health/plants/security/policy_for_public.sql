/*
expect = ["public.planted / planted_all"]
*/
create table public.planted (id bigint primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (id > 0);
-- @defect
create policy planted_all on public.planted for delete using (id > 0);
