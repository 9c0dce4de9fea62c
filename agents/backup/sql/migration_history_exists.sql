-- Whether the migration runner ever wrote its history here.
select to_regclass('cryo.schema_migrations') is not null
