/*
expect = ["backup"]
*/
insert into public.backup_catalogue (label, kind, status, started_at, finished_at)
values ('one', 'full', 'done', now(), now()), ('two', 'full', 'done', now(), now());
-- @defect
delete from public.backup_catalogue where label = 'two';
