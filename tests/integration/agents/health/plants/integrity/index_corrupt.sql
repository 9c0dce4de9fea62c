/*
expect = ["public.planted_value_idx"]
extensions = ["amcheck"]
*/
create extension amcheck;
create function public.compare_planted(a integer, b integer) returns integer language sql immutable
return case when a < b then -1 when a > b then 1 else 0 end;
create operator class public.planted_ops for type integer using btree as
    operator 1 < , operator 2 <= , operator 3 = , operator 4 >= , operator 5 > , function 1 public.compare_planted(integer, integer);
create table public.planted (id bigint primary key, value integer);
insert into public.planted select n, n from generate_series(1, 1000) as n;
create index planted_value_idx on public.planted (value public.planted_ops);
analyze public.planted;
-- @defect
create or replace function public.compare_planted(a integer, b integer) returns integer language sql immutable
return case when a < b then 1 when a > b then -1 else 0 end;
