-- A row was made in the future
/*
severity = "warn"
generated = true
evidence = ["rows", "latest"]
timeout_s = 10
meaning = "A clock was wrong, or a date was typed wrong; sorting by time puts the row first for ever."
remedy = "Correct the rows; keep the writer's clock in step."
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format(
        'select count(*) as value, count(*) as rows, max(%I) as latest from %I.%I where %I > now() + interval ''1 hour''',
        a.attname, n.nspname, c.relname, a.attname
    ) as query
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid
join pg_namespace as n on n.oid = c.relnamespace
where a.attname in ('created_at', 'updated_at', 'inserted_at', 'occurred_at', 'started_at', 'finished_at', 'verified_at')
    and a.atttypid = 'timestamptz'::regtype and a.attnum > 0 and not a.attisdropped and c.relkind = 'r' and @is_ours@
    and pg_relation_size(c.oid) > 0
