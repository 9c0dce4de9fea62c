/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
-- @defect
update pg_class set relfrozenxid = '3500000000' where oid = 'public.planted'::regclass;
