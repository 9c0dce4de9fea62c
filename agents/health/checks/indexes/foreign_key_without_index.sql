-- No index leads with the columns of a foreign key
/*
severity = "warn"
evidence = ["table", "columns", "parent"]
fix = "create_foreign_key_index"
meaning = "Deleting or changing a parent row reads the whole child table while it holds a lock."
remedy = "Create the index that is shown; it does not block writers."
also = ["supabase:0001_unindexed_foreign_keys", "pg-index-health:FOREIGN_KEYS_WITHOUT_INDEX", "pg-healthcheck:G08-001"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    format('%I.%I', n.nspname, c.relname) as table,
    names.columns,
    format('%I.%I', pn.nspname, p.relname) as parent,
    format('create index concurrently on %I.%I (%s)', n.nspname, c.relname, names.columns) as fix_sql
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
join pg_class as p on p.oid = k.confrelid
join pg_namespace as pn on pn.oid = p.relnamespace
cross join lateral (
    select string_agg(quote_ident(a.attname), ', ' order by o.place) as columns
    from unnest(k.conkey) with ordinality as o (number, place)
    join pg_attribute as a on a.attrelid = k.conrelid and a.attnum = o.number
) as names
where k.contype = 'f' and k.conparentid = 0 and @is_ours@
    and not exists (
        select from pg_index as i
        where i.indrelid = k.conrelid and i.indisvalid and i.indpred is null
            and i.indnkeyatts >= cardinality(k.conkey)
            and (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey
    )
