/*
expect = ["planted"]
mode = "committed"
*/
alter system set max_slot_wal_keep_size = '1MB';
select pg_reload_conf();
checkpoint;
select pg_create_physical_replication_slot('planted', true);
-- @defect
create table public.planted as select 1 as id;
select pg_switch_wal();
create table public.planted_2 as select 1 as id;
select pg_switch_wal();
create table public.planted_3 as select 1 as id;
select pg_switch_wal();
checkpoint;
-- @undo
select pg_drop_replication_slot('planted');
alter system reset max_slot_wal_keep_size;
select pg_reload_conf();
