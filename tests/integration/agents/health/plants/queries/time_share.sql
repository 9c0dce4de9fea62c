/*
mode = "committed"
clean = {parameters = {total_ms = 10000}}
defect = {parameters = {total_ms = 10}}
expect = ["query *"]
extensions = ["pg_stat_statements"]
*/
create extension pg_stat_statements;
select pg_stat_statements_reset();
-- @defect
select pg_sleep(0.5);
