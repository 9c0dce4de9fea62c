-- Adds one verification; a set that was proven before and now fails falls to the level that still holds.
update public.backup_catalogue
set
    verified_level = %(reached)s,
    verified_at = %(verified_at)s,
    verifications = verifications || %(verification)s::jsonb
where label = %(label)s
