/*
clean = {parameters = {rows = 100}}
defect = {parameters = {rows = 100}}
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key, created_by uuid);
create index planted_created_by_idx on public.planted (created_by);
insert into public.planted select n from generate_series(1, 200) as n;
analyze public.planted;
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (created_by = (select auth.uid()));
-- @defect
drop index public.planted_created_by_idx;
