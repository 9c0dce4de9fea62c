/*
clean = {warn = 0}
defect = {warn = 0}
expect = ["public.teams"]
*/
lock table public.teams in share mode;
-- @defect
lock table public.teams in access exclusive mode;
