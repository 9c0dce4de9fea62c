/*
expect = ["public.teams / teams_touch"]
*/
-- @defect
alter table public.teams disable trigger teams_touch;
