/*
mode = "committed"
clean = {warn = 20}
defect = {warn = 20}
expect = ["query *"]
extensions = ["pg_stat_statements"]
*/
create extension pg_stat_statements;
select pg_stat_statements_reset();
select pg_sleep(0.001);
-- @defect
select pg_sleep(0.03);
select pg_sleep(0.03);
select pg_sleep(0.03);
select pg_sleep(0.03);
select pg_sleep(0.03);
