-- Ends what a process that was killed left as running; only the holder of the backup lock may run it.
update public.backup_catalogue
set status = 'failed', error = 'the process ended before the backup did; the next run removed what it had stored'
where status = 'running' and engine = %(engine)s and label <> %(label)s
