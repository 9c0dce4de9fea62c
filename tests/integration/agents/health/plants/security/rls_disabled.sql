/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
create table public.guarded (id bigint primary key);
alter table public.guarded enable row level security;
grant select on public.guarded to authenticated;
-- @defect
grant select on public.planted to anon;
