-- Writes that a run failed; it has no set, so its label is our own.
insert into public.backup_catalogue (label, kind, status, started_at, finished_at, error)
values (%(label)s, %(kind)s, 'failed', %(started_at)s, greatest(%(started_at)s, %(finished_at)s), %(error)s)
on conflict (label) do update set error = excluded.error
