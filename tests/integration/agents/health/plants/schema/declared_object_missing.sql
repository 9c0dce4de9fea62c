/*
expect = ["function private.touch_updated_at", "index public.molecules_inchikey_idx", "policy public.teams / teams_select", "trigger public.teams / teams_touch"]
*/
create schema cryo;
create table cryo.schema_migrations (number integer primary key);
-- @defect
drop index public.molecules_inchikey_idx;
drop policy teams_select on public.teams;
drop trigger teams_touch on public.teams;
alter function private.touch_updated_at() rename to touched;
