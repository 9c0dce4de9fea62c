/*
expect = ["public.planted / created_at"]
*/
create table public.planted (id bigint primary key, created_at timestamptz, due_at timestamptz);
insert into public.planted values (1, now(), now() + interval '1 year'), (2, null, null);
-- @defect
insert into public.planted values (3, now() + interval '1 day', null);
