-- What this database is: the manifest names it, so that a set of another one is noticed.
select
    (select system_identifier::text from pg_control_system()) as system_identifier,
    current_database()::text,
    current_setting('server_version_num')::integer,
    current_setting('server_version'),
    getdatabaseencoding()::text,
    (select datcollate || '/' || datctype from pg_database where datname = current_database()),
    pg_database_size(current_database()),
    (select count(*) from pg_largeobject_metadata)
