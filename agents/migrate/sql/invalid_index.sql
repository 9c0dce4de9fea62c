-- An index that a killed or timed-out concurrent build left behind; IF NOT EXISTS would take it for the real one.
select exists (
    select
    from pg_index
    join pg_class on pg_class.oid = pg_index.indexrelid
    join pg_namespace on pg_namespace.oid = pg_class.relnamespace
    where pg_namespace.nspname = %(schema)s
        and pg_class.relname = %(index)s
        and not pg_index.indisvalid
)
