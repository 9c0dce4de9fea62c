/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (id > 0);
create policy planted_anon on public.planted for select to anon using (id > 5);
create policy planted_add on public.planted for insert to authenticated with check (id > 0);
-- @defect
create policy planted_again on public.planted for select to authenticated using (id < 0);
