/*
expect = ["public.planted_id_seq"]
*/
create table public.planted (id integer generated always as identity primary key);
select setval('public.planted_id_seq', 1000000000);
-- @defect
select setval('public.planted_id_seq', 2000000000);
