-- Every foreign key with the statement that counts rows whose parent is missing; NOT VALID ones are allowed to have some.
select
    format('%%s.%%s.%%s', child_space.nspname, child.relname, conname) as constraint_name,
    format(
        'select count(*) from %%I.%%I as child where %%s and not exists (select from %%I.%%I as parent where %%s)',
        child_space.nspname, child.relname,
        (
            select string_agg(format('child.%%I is not null', attname), ' and ' order by ordinality)
            from unnest(conkey) with ordinality as keys (attnum, ordinality)
            join pg_attribute on attrelid = conrelid and pg_attribute.attnum = keys.attnum
        ),
        parent_space.nspname, parent.relname,
        (
            select string_agg(
                format('parent.%%I operator(%%I.%%s) child.%%I', theirs.attname, op_space.nspname, oprname, ours.attname),
                ' and ' order by ordinality
            )
            from unnest(confkey, conkey, conpfeqop) with ordinality as keys (parent_key, child_key, equals, ordinality)
            join pg_attribute as theirs on theirs.attrelid = confrelid and theirs.attnum = keys.parent_key
            join pg_attribute as ours on ours.attrelid = conrelid and ours.attnum = keys.child_key
            join pg_operator on pg_operator.oid = keys.equals
            join pg_namespace as op_space on op_space.oid = oprnamespace
        )
    ) as statement
from pg_constraint
join pg_class as child on child.oid = conrelid
join pg_namespace as child_space on child_space.oid = child.relnamespace
join pg_class as parent on parent.oid = confrelid
join pg_namespace as parent_space on parent_space.oid = parent.relnamespace
where contype = 'f' and conparentid = 0 and convalidated and child_space.nspname = any (%(schemas)s)
order by 1
