/*
expect = ["postgres"]
*/
alter role postgres connection limit 1000;
-- @defect
alter role postgres connection limit 1;
