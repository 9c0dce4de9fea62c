-- Whether the history table is there with every column that this runner writes.
select exists (
    select
    from pg_attribute
    where attrelid = to_regclass('cryo.schema_migrations') and attname = 'how' and not attisdropped
)
