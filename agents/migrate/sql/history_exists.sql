-- Whether the history table is there, asked without creating it.
select to_regclass('cryo.schema_migrations') is not null
