-- Views and policies that read some columns of a table, directly or through another view, deepest first.
-- Each comes with the statements that take it down and put it back as it was.
with recursive target as (
    select attrelid, attnum
    from pg_attribute
    where attrelid = to_regclass(%(table)s) and attname = any (%(columns)s)
),
readers as (
    select rewrite.ev_class as view_oid, 1 as depth
    from pg_depend as dependency
    join target on dependency.refobjid = target.attrelid and dependency.refobjsubid = target.attnum
    join pg_rewrite as rewrite on rewrite.oid = dependency.objid
    where dependency.classid = 'pg_rewrite'::regclass and dependency.refclassid = 'pg_class'::regclass
    union
    select rewrite.ev_class, readers.depth + 1
    from readers
    join pg_depend as dependency on dependency.refobjid = readers.view_oid
    join pg_rewrite as rewrite on rewrite.oid = dependency.objid
    where dependency.classid = 'pg_rewrite'::regclass
        and dependency.refclassid = 'pg_class'::regclass
        and rewrite.ev_class <> readers.view_oid
),
views as (
    select view_oid, max(depth) as depth from readers group by view_oid
)
select
    depth,
    format('%%s %%I.%%I', case relkind when 'm' then 'materialized view' else 'view' end, nspname, relname) as name,
    relkind = 'v' as can_rebuild,
    format('drop view %%I.%%I', nspname, relname) as take_down,
    concat_ws(
        E';\n',
        format('create view %%I.%%I%%s as %%s', nspname, relname,
            case when reloptions is null then '' else ' with (' || array_to_string(reloptions, ', ') || ')' end,
            rtrim(pg_get_viewdef(pg_class.oid), '; ')),
        format('alter view %%I.%%I owner to %%I', nspname, relname, pg_get_userbyid(relowner)),
        format('comment on view %%I.%%I is %%L', nspname, relname, obj_description(pg_class.oid, 'pg_class')),
        (
            select string_agg(format('grant %%s on %%I.%%I to %%s%%s', privilege_type, nspname, relname,
                case grantee when 0 then 'public' else grantee::regrole::text end,
                case when is_grantable then ' with grant option' else '' end), E';\n')
            from aclexplode(relacl)
            where grantee <> relowner
        )
    ) as put_back
from views
join pg_class on pg_class.oid = view_oid
join pg_namespace on pg_namespace.oid = relnamespace
union all
select
    0,
    format('policy %%I on %%s', polname, polrelid::regclass),
    true,
    format('drop policy %%I on %%s', polname, polrelid::regclass),
    format('create policy %%I on %%s as %%s for %%s to %%s%%s%%s', polname, polrelid::regclass,
        case when polpermissive then 'permissive' else 'restrictive' end,
        case polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
            else 'all' end,
        (
            select string_agg(case member when 0 then 'public' else member::regrole::text end, ', ')
            from unnest(polroles) as member
        ),
        ' using (' || pg_get_expr(polqual, polrelid) || ')',
        ' with check (' || pg_get_expr(polwithcheck, polrelid) || ')')
from pg_policy
where exists (
    select
    from pg_depend as dependency
    join target on dependency.refobjid = target.attrelid and dependency.refobjsubid = target.attnum
    where dependency.classid = 'pg_policy'::regclass
        and dependency.objid = pg_policy.oid
        and dependency.refclassid = 'pg_class'::regclass
)
order by 1 desc, 2
