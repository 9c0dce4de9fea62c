/*
clean = {warn = 0}
defect = {warn = 0}
expect = ["planted"]
mode = "committed"
*/
-- @defect
select pg_create_physical_replication_slot('planted', true);
-- @undo
select pg_drop_replication_slot('planted');
