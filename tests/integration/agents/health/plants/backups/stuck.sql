/*
expect = ["planted"]
*/
insert into public.backup_catalogue (label, kind, status, started_at)
values ('planted', 'full', 'running', now() - interval '1 hour');
-- @defect
update public.backup_catalogue set started_at = now() - interval '9 hours';
