/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (id > 0);
-- @defect
alter table public.planted disable row level security;
