-- Says that a set was deleted by rule and why; the row stays as a memory of it.
update public.backup_catalogue
set status = 'expired', error = %(reason)s
where label = %(label)s and status <> 'expired'
