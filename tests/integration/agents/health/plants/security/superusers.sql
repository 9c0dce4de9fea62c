/*
expect = ["planted"]
*/
create role planted superuser;
-- @defect
alter role planted login;
