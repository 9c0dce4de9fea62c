/*
expect = ["public.child / parent_id"]
*/
create table public.parent (id bigint primary key);
create table public.child (id bigint primary key, parent_id bigint references public.parent (id));
insert into public.parent values (1);
insert into public.child values (1, 1), (2, null);
-- @defect
set local session_replication_role = replica;
insert into public.child values (3, 99);
