/*
expect = ["public.child / category_id"]
*/
create table public.categories (id bigint primary key);
create table public.child (id bigint primary key, category_id bigint, unknown_id bigint);
insert into public.categories values (1);
insert into public.child values (1, 1, 5), (2, null, 6);
-- @defect
insert into public.child values (3, 99, 7);
