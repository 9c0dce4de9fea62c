-- Rows break a check that was never validated
/*
severity = "warn"
generated = true
evidence = ["rows", "rule"]
timeout_s = 10
meaning = "The rule holds for new rows only; old ones still break it."
remedy = "Correct those rows; then validate the constraint."
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    format(
        'select count(*) as value, count(*) as rows, %L as rule from %I.%I where not (%s)',
        pg_get_expr(k.conbin, k.conrelid), n.nspname, c.relname, pg_get_expr(k.conbin, k.conrelid)
    ) as query
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where k.contype = 'c' and not k.convalidated and @is_ours@
