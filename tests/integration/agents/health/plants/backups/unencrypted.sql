/*
expect = ["planted"]
*/
insert into public.backup_catalogue (label, kind, status, started_at, finished_at, encryption_key_ids)
values ('planted', 'full', 'done', now() - interval '2 hours', now() - interval '1 hour', '{key}');
-- @defect
update public.backup_catalogue set encryption_key_ids = null;
