/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
update pg_class set relpages = 2000, relallvisible = 1900 where oid = 'public.planted'::regclass;
-- @defect
update pg_class set relallvisible = 100 where oid = 'public.planted'::regclass;
