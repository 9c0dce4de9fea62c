-- A row ended before it began
/*
severity = "warn"
generated = true
evidence = ["rows"]
timeout_s = 10
meaning = "Durations of such rows are negative, and so is every sum over them."
remedy = "Correct the rows; then forbid it with a check constraint."
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    format(
        'select count(*) as value, count(*) as rows from %I.%I where %I < %I', n.nspname, c.relname, e.attname, b.attname
    ) as query
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
join pg_attribute as b on b.attrelid = c.oid and b.attname in ('started_at', 'starts_at', 'begin_at', 'valid_from')
join pg_attribute as e
    on e.attrelid = c.oid and e.atttypid = b.atttypid
    and (b.attname, e.attname) in (
        ('started_at', 'finished_at'), ('started_at', 'ended_at'), ('starts_at', 'ends_at'), ('begin_at', 'end_at'),
        ('valid_from', 'valid_until')
    )
where c.relkind = 'r' and not b.attisdropped and not e.attisdropped and @is_ours@ and pg_relation_size(c.oid) > 0
