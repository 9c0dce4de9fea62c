/*
clean = {parameters = {rows = 1000}}
defect = {parameters = {rows = 1000}}
expect = ["public.planted_kind_idx"]
*/
create table public.planted (id bigint primary key, kind text, value text);
insert into public.planted select n, case when n % 2 = 0 then 'a' else 'b' end, 'v' || n from generate_series(1, 2000) as n;
create index planted_value_idx on public.planted (value);
create index planted_part on public.planted (kind) where kind = 'a';
analyze public.planted;
-- @defect
create index planted_kind_idx on public.planted (kind);
