/*
expect = ["planted"]
*/
create role planted login superuser password 'planted';
-- @defect
alter role planted password null;
