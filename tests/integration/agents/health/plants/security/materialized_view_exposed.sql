/*
expect = ["public.planted"]
*/
create materialized view public.closed as select 1 as id;
revoke all on public.closed from anon, authenticated;
-- @defect
create materialized view public.planted as select 1 as id;
grant select on public.planted to anon;
