/*
mode = "committed"
clean = {warn = 1000, parameters = {rows = 1000, scans = 5}}
defect = {warn = 1000, parameters = {rows = 1000, scans = 5}}
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key, value bigint);
insert into public.planted select n, n from generate_series(1, 5000) as n;
vacuum analyze public.planted;
do $$ begin for n in 1..300 loop perform from public.planted where id = n; end loop; end $$;
-- @defect
do $$ begin for n in 1..30 loop perform from public.planted where value = n; end loop; end $$;
