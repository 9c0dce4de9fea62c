-- Says why a backup did not end well.
update public.backup_catalogue
set status = 'failed', error = %(error)s, finished_at = %(finished_at)s
where label = %(label)s
