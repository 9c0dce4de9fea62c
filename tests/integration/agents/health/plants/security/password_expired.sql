/*
expect = ["planted"]
*/
create role planted login valid until '2999-01-01';
-- @defect
alter role planted valid until '2001-01-01';
