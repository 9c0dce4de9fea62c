/*
expect = ["public.planted"]
pretend = ["pg_graphql"]
*/
create table public.planted (id bigint primary key);
revoke all on public.planted from anon;
-- @defect
grant select on public.planted to anon;
