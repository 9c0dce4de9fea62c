-- Rows point at a parent that is not there
/*
severity = "critical"
generated = true
evidence = ["rows", "constraint", "validated"]
timeout_s = 10
meaning = "The foreign key is declared, and yet rows break it: it was never validated, or its triggers were off."
remedy = "`cryo migrate foreign-keys` counts and repairs by declared action; then validate the constraint."
*/
select
    format('%I.%I / %s', n.nspname, c.relname, names.columns) as object,
    format(
        'select count(*) as value, count(*) as rows, %L as constraint, %L::boolean as validated from only %I.%I as child '
        'where %s and not exists (select from %s%I.%I as parent where %s)',
        k.conname, k.convalidated, n.nspname, c.relname, names.filled,
        case p.relkind when 'p' then '' else 'only ' end, pn.nspname, p.relname, names.matches
    ) as query
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid and c.relkind = 'r'
join pg_namespace as n on n.oid = c.relnamespace
join pg_class as p on p.oid = k.confrelid
join pg_namespace as pn on pn.oid = p.relnamespace
cross join lateral (
    select
        string_agg(quote_ident(a.attname), ', ' order by o.place) as columns,
        string_agg(format('child.%I is not null', a.attname), ' and ') as filled,
        string_agg(format('parent.%I = child.%I', b.attname, a.attname), ' and ') as matches
    from unnest(k.conkey, k.confkey) with ordinality as o (child, parent, place)
    join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = o.child
    join pg_attribute as b on b.attrelid = k.confrelid and b.attnum = o.parent
) as names
where k.contype = 'f' and @is_ours@ and pg_relation_size(c.oid) > 0
order by k.convalidated, c.relpages
