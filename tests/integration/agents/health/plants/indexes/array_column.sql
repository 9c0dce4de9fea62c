/*
expect = ["public.planted_tags_idx"]
*/
create table public.planted (id bigint primary key, tags text[]);
create index planted_gin on public.planted using gin (tags);
-- @defect
create index planted_tags_idx on public.planted (tags);
