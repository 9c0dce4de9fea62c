/*
expect = ["public.planted / planted_gullible"]
*/
create table public.planted (id bigint primary key);
alter table public.planted enable row level security;
create policy planted_read on public.planted for select to authenticated
using (((select auth.jwt()) -> 'app_metadata' ->> 'role') = 'admin');
-- @defect
create policy planted_gullible on public.planted for delete to authenticated
using (((select auth.jwt()) -> 'user_metadata' ->> 'role') = 'admin');
