/*
expect = ["public.planted"]
*/
create table public.planted (id text primary key);
-- @defect
create table public.child (id bigint primary key, planted_id text references public.planted (id));
