/*
expect = ["public.planted_value_idx"]
*/
create table public.planted (id bigint primary key, value text, other text);
create index planted_value_idx on public.planted (value);
create index planted_reverse on public.planted (other, value);
-- @defect
create index planted_both on public.planted (value, other);
