/*
expect = ["public.planted / planted_write"]
*/
create table public.planted (id bigint primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated using (true);
create policy planted_service on public.planted for update to service_role using (true);
create policy planted_add on public.planted for insert to authenticated with check (id > 0);
-- @defect
create policy planted_write on public.planted for delete to authenticated using (true);
