/*
expect = ["newest backup"]
*/
insert into public.backup_catalogue (label, kind, status, started_at, finished_at)
values ('planted', 'full', 'done', now() - interval '2 hours', now() - interval '1 hour');
-- @defect
update public.backup_catalogue set started_at = now() - interval '40 hours', finished_at = now() - interval '30 hours';
