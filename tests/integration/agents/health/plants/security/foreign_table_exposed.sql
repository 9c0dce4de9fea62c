/*
expect = ["public.planted"]
*/
create foreign data wrapper planted_wrapper;
create server planted_server foreign data wrapper planted_wrapper;
create foreign table public.planted (id bigint) server planted_server;
revoke all on public.planted from anon, authenticated;
-- @defect
grant select on public.planted to anon;
