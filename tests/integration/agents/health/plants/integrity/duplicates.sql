/*
expect = ["public.planted_value_idx"]
*/
create table public.planted (id bigint primary key, value text);
create unique index planted_value_idx on public.planted (value);
insert into public.planted values (1, 'a'), (2, null), (3, null);
-- @defect
update pg_index set indisvalid = false, indisready = false where indexrelid = 'public.planted_value_idx'::regclass;
insert into public.planted values (4, 'a');
