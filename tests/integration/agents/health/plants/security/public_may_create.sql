/*
expect = ["planted"]
*/
create schema planted;
-- @defect
grant create on schema planted to public;
