/*
expect = ["planted"]
*/
-- @defect
insert into pg_extension values (99999, 'planted', 10, 'public'::regnamespace, false, '1.0', null, null);
