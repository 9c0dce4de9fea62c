/*
expect = ["planted_id"]
*/
create table public.planted (id bigint primary key, planted_id bigint);
create table public.planted_too (id bigint primary key, planted_id bigint);
-- @defect
alter table public.planted_too alter column planted_id type text;
