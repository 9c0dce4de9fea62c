/*
expect = ["planted"]
*/
-- @defect
create subscription planted connection 'dbname=postgres' publication nothing with (connect = false, slot_name = none, enabled = false);
