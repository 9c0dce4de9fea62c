/*
mode = "committed"
clean = {parameters = {total_ms = 1}}
defect = {parameters = {total_ms = 1}}
expect = ["query *"]
extensions = ["pg_stat_statements"]
*/
create extension pg_stat_statements;
select pg_stat_statements_reset();
set jit = off;
select sum(number * 2) from generate_series(1, 10000) as number;
-- @defect
set jit = on;
set jit_above_cost = 0;
set jit_inline_above_cost = 0;
set jit_optimize_above_cost = 0;
select sum(number * 3 + 1), max(number) from generate_series(1, 1000) as number where number > 5;
set jit = off;
