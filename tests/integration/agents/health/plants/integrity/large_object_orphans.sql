/*
expect = ["pg_largeobject"]
*/
create table public.planted (id bigint primary key, document oid);
insert into public.planted values (1, lo_create(0));
-- @defect
drop table public.planted;
