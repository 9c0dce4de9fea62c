-- The write-ahead log is not archived
/*
severity = "warn"
profile = "quick"
requires = {primary = true}
evidence = ["archive_mode", "archive_command"]
meaning = "A restore reaches the last backup and nothing after it."
remedy = "Set archive_mode = on and an archive_command or archive_library; archive_mode needs a restart."
also = ["pg-healthcheck:G14-009"]
*/
select
    'server' as object,
    current_setting('archive_mode') as archive_mode,
    (select reset_val from pg_settings where name = 'archive_command') as archive_command
where current_setting('archive_mode') = 'off'
    or (
        (select reset_val from pg_settings where name = 'archive_command') in ('', '(disabled)')
        and current_setting('archive_library', true) = ''
    )
