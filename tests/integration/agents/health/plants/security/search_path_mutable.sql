/*
expect = ["public.planted(number integer)"]
*/
create function public.pinned(number integer) returns integer language plpgsql set search_path = '' as 'begin return 1; end';
create function public.bound(number integer) returns integer language sql return number;
-- @defect
create function public.planted(number integer) returns integer language plpgsql as 'begin return 1; end';
