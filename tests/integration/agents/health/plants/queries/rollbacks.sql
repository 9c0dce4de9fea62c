/*
mode = "committed"
clean = {parameters = {transactions = 10}}
defect = {parameters = {transactions = 10}}
expect = ["DATABASE"]
*/
create table public.planted (id bigint primary key);
select pg_stat_reset();
do $$ begin for n in 1..40 loop insert into public.planted values (n); commit; end loop; end $$;
-- @defect
do $$ begin for n in 41..80 loop insert into public.planted values (n); rollback; end loop; end $$;
