/*
expect = ["public.planted"]
*/
create materialized view public.filled as select 1 as id;
-- @defect
create materialized view public.planted as select 1 as id with no data;
