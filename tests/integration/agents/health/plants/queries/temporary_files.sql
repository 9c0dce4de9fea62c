/*
mode = "committed"
clean = {warn = 1000}
defect = {warn = 1000}
expect = ["DATABASE"]
*/
select pg_stat_reset();
-- @defect
set work_mem = '64kB';
select count(*) from (select number from generate_series(1, 50000) as number order by random()) as sorted;
