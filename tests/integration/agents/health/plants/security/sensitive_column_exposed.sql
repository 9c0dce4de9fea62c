/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key, token_count bigint, opinion text);
grant select on public.planted to anon;
-- @defect
alter table public.planted add column api_key text;
