/*
expect = ["public.child / child_parent_id_fkey"]
*/
create table public.parent (id bigint primary key);
create table public.child (id bigint primary key, parent_id bigint references public.parent (id));
-- @defect
alter table public.child alter column parent_id type integer;
