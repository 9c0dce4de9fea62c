-- Rows repeat what a broken unique index should keep apart
/*
severity = "critical"
generated = true
evidence = ["groups"]
timeout_s = 10
meaning = "The index that should forbid them is invalid, so nothing does."
remedy = "Decide which row of each group stays; then build the index anew, concurrently."
*/
select
    format('%I.%I', n.nspname, x.relname) as object,
    format(
        'select count(*) as value, count(*) as groups from (select from %I.%I where %s group by %s having count(*) > 1) as repeated',
        n.nspname, c.relname, names.filled, names.columns
    ) as query
from pg_index as i
join pg_class as x on x.oid = i.indexrelid
join pg_class as c on c.oid = i.indrelid
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select
        string_agg(quote_ident(a.attname), ', ') as columns,
        string_agg(format('%I is not null', a.attname), ' and ') as filled
    from unnest((i.indkey::int2[])[0:i.indnkeyatts - 1]) as number
    join pg_attribute as a on a.attrelid = c.oid and a.attnum = number
) as names
where i.indisunique and not i.indisvalid and i.indpred is null and i.indexprs is null and @is_ours@
