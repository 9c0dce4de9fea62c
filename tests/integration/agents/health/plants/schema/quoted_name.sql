/*
expect = ['public."Planted"', 'public.planted / "Value"']
*/
create table public.planted (id bigint primary key);
-- @defect
create table public."Planted" (id bigint primary key);
alter table public.planted add column "Value" text;
