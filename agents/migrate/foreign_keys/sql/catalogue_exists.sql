-- Whether there is a catalogue of backups at all.
select to_regclass('public.backup_catalogue') is not null
