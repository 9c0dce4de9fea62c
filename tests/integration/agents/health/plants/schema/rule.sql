/*
expect = ["public.planted"]
*/
create table public.planted (id bigint primary key);
create view public.planted_view as select id from public.planted;
-- @defect
create rule planted_rule as on delete to public.planted do instead nothing;
