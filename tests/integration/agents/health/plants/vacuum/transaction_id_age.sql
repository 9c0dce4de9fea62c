/*
expect = ["template1"]
*/
-- @defect
update pg_database set datfrozenxid = '3500000000' where datname = 'template1';
