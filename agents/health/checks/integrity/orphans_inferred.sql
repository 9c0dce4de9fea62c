-- Rows seem to point at a parent that is not there
/*
severity = "warn"
generated = true
evidence = ["rows", "parent"]
timeout_s = 10
meaning = "The column is named after a table and has its key's type, but no foreign key guards it."
remedy = "If it is a relation, declare the foreign key (not valid, repair, validate); if it is not, accept the finding."
*/
select
    format('%I.%I / %I', n.nspname, c.relname, a.attname) as object,
    format(
        'select count(*) as value, count(*) as rows, %L as parent from only %I.%I as child where child.%I is not null '
        'and not exists (select from %I.%I as parent where parent.%I = child.%I)',
        format('%I.%I', n.nspname, p.relname), n.nspname, c.relname, a.attname,
        n.nspname, p.relname, b.attname, a.attname
    ) as query
from pg_attribute as a
join pg_class as c on c.oid = a.attrelid and c.relkind = 'r'
join pg_namespace as n on n.oid = c.relnamespace
cross join lateral (
    select left(a.attname, -3) as stem where a.attname ~ '._id$'
) as named
join pg_class as p
    on p.relnamespace = c.relnamespace and p.relkind in ('r', 'p') and p.oid <> c.oid
    and p.relname in (named.stem, named.stem || 's', named.stem || 'es', regexp_replace(named.stem, 'y$', 'ies'))
join pg_index as i on i.indrelid = p.oid and i.indisprimary and i.indnkeyatts = 1
join pg_attribute as b on b.attrelid = p.oid and b.attnum = i.indkey[0] and b.atttypid = a.atttypid
where a.attnum > 0 and not a.attisdropped and @is_ours@ and pg_relation_size(c.oid) > 0
    and not exists (
        select from pg_constraint as k where k.conrelid = c.oid and k.contype = 'f' and a.attnum = any (k.conkey)
    )
