/*
expect = ["public.planted"]
*/
create view public.harmless as select id from public.teams;
grant select on public.harmless to anon;
-- @defect
create view public.planted as select id from auth.users;
grant select on public.planted to anon;
