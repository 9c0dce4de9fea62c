/*
expect = ["public.planted"]
*/
create view public.asks_caller with (security_invoker = true) as select id from public.teams;
grant select on public.asks_caller to authenticated;
create view public.nobody_reads as select id from public.teams;
revoke all on public.nobody_reads from anon, authenticated;
-- @defect
create view public.planted as select id from public.teams;
grant select on public.planted to authenticated;
