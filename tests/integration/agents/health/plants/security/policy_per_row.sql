/*
expect = ["public.planted / planted_slow"]
*/
create table public.planted (id uuid primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (id = (select auth.uid()));
-- @defect
create policy planted_slow on public.planted for delete to authenticated using (id = auth.uid());
