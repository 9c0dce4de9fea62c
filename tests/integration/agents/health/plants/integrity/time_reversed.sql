/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key, started_at timestamptz, finished_at timestamptz);
insert into public.planted values (1, now(), now() + interval '1 year'), (2, now(), null);
-- @defect
insert into public.planted values (3, now(), now() - interval '1 day');
