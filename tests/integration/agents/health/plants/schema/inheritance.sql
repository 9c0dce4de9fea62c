/*
expect = ["public.child"]
*/
create table public.parts (id bigint) partition by range (id);
create table public.part partition of public.parts for values from (1) to (2);
-- @defect
create table public.parent (id bigint);
create table public.child () inherits (public.parent);
