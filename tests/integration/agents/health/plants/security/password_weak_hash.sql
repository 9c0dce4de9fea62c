/*
expect = ["planted"]
*/
create role planted login password 'planted';
-- @defect
set local password_encryption = 'md5';
alter role planted password 'planted';
