/*
clean = {warn = 1}
defect = {warn = 0}
expect = ["pg_stat_statements"]
extensions = ["pg_stat_statements"]
*/
create extension pg_stat_statements;
