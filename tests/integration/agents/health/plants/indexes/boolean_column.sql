/*
expect = ["public.planted_done_idx"]
*/
create table public.planted (id bigint primary key, done boolean, value text);
create index planted_value_idx on public.planted (value, done);
create index planted_part on public.planted (done) where not done;
-- @defect
create index planted_done_idx on public.planted (done);
