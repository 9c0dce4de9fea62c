/*
expect = ["public.planted_again"]
*/
create table public.planted (id bigint primary key, value text, other text);
create index planted_value_idx on public.planted (value);
create index planted_descending on public.planted (value desc);
create index planted_part on public.planted (value) where other is null;
create index planted_include on public.planted (value) include (other);
-- @defect
create index planted_again on public.planted (value);
