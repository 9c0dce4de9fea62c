/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
create publication planted for table public.planted;
-- @defect
alter table public.planted drop constraint planted_pkey;
