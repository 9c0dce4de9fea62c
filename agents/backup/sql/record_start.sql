-- Says that a backup has begun; a label that was tried before begins again.
insert into public.backup_catalogue (label, kind, status, started_at, engine, repository)
values (%(label)s, %(kind)s, 'running', %(started_at)s, %(engine)s, %(repository)s)
on conflict (label) do update set status = 'running', started_at = excluded.started_at, error = null
