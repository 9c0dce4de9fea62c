-- Keeps a set from every rule until a moment; null ends the hold.
update public.backup_catalogue
set held_until = %(until)s
where label = %(label)s and status = 'done'
