-- The table of locks fills up
/*
severity = "warn"
profile = "quick"
evidence = ["locks", "room"]
threshold = {warn = 0.5, critical = 0.9, unit = "ratio", source = "chosen: pg_dump and partitions take thousands at once"}
meaning = "When it is full, statements fail with out of shared memory."
remedy = "Raise max_locks_per_transaction (needs a restart), or touch fewer partitions in one transaction."
*/
select
    'server' as object,
    locks::float8 / room as value,
    locks,
    room
from (
    select
        (select count(*) from pg_locks where locktype in ('relation', 'object', 'advisory') and not fastpath) as locks,
        current_setting('max_locks_per_transaction')::int
        * (current_setting('max_connections')::int + current_setting('max_prepared_transactions')::int) as room
) as counted
