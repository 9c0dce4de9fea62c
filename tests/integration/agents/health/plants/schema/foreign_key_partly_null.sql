/*
expect = ["public.child / child_a_b_fkey"]
*/
create table public.parent (a bigint, b bigint, primary key (a, b));
create table public.child (a bigint not null, b bigint not null, foreign key (a, b) references public.parent (a, b));
-- @defect
alter table public.child alter column b drop not null;
