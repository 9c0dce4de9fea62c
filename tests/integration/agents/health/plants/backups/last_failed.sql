/*
expect = ["newer"]
*/
insert into public.backup_catalogue (label, kind, status, started_at, finished_at)
values ('older', 'full', 'failed', now() - interval '5 hours', now() - interval '4 hours'),
    ('planted', 'full', 'done', now() - interval '2 hours', now() - interval '1 hour');
-- @defect
insert into public.backup_catalogue (label, kind, status, started_at, finished_at, error)
values ('newer', 'full', 'failed', now(), now(), 'repository is full');
