/*
expect = ["public.planted_value_idx"]
*/
create table public.planted (id bigint primary key, value text);
create index planted_value_idx on public.planted (value);
-- @defect
update pg_index set indisvalid = false where indexrelid = 'public.planted_value_idx'::regclass;
