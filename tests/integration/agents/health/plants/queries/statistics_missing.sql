/*
expect = ["pg_stat_statements"]
extensions = ["pg_stat_statements"]
*/
create extension pg_stat_statements;
-- @defect
drop extension pg_stat_statements;
