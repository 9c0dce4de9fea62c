/*
expect = ["planted"]
mode = "committed"
*/
-- @defect
select pg_create_physical_replication_slot('planted');
-- @undo
select pg_drop_replication_slot('planted');
