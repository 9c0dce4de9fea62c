/*
expect = ["no backup"]
*/
insert into public.backup_catalogue (label, kind, status, started_at, finished_at, verified_level, verified_at)
values ('planted', 'full', 'done', now() - interval '2 hours', now() - interval '1 hour', 5, now());
-- @defect
update public.backup_catalogue set verified_level = 2;
