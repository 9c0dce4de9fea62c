-- Everything about the schema that a client can notice, one row per fact; column order and names of
-- system-chosen objects are left out, because a migration may add a column where schema.sql lists it earlier.
with spaces as (
    select oid, nspname from pg_namespace where nspname = any (%(schemas)s)
),
relations as (
    select pg_class.oid, pg_class.relname, pg_class.relkind, pg_class.relrowsecurity, pg_class.relforcerowsecurity,
        pg_class.relacl, pg_class.relowner, spaces.nspname
    from pg_class
    join spaces on spaces.oid = pg_class.relnamespace
)
select 'schema' as kind, nspname::text as object, coalesce(obj_description(oid, 'pg_namespace'), '') as fact
from spaces
union all
select 'relation', nspname || '.' || relname,
    format('%%s rls=%%s force=%%s comment=%%s', relkind, relrowsecurity, relforcerowsecurity,
        coalesce(obj_description(oid, 'pg_class'), ''))
from relations
where relkind in ('r', 'p', 'v', 'm', 'S')
union all
select 'column', format('%%s.%%s.%%s', relations.nspname, relations.relname, attname),
    format('%%s notnull=%%s identity=%%s generated=%%s default=%%s comment=%%s', format_type(atttypid, atttypmod),
        attnotnull, attidentity, attgenerated, coalesce(pg_get_expr(adbin, adrelid), ''),
        coalesce(col_description(attrelid, attnum), ''))
from pg_attribute
join relations on relations.oid = attrelid and relations.relkind in ('r', 'p', 'v', 'm')
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where attnum > 0 and not attisdropped
union all
select 'constraint', format('%%s.%%s.%%s', relations.nspname, relations.relname, conname),
    pg_get_constraintdef(pg_constraint.oid) || case when convalidated then '' else ' NOT VALID' end
from pg_constraint
join relations on relations.oid = conrelid
where contype <> 'n'
union all
select 'index', format('%%s.%%s', relations.nspname, index_class.relname),
    pg_get_indexdef(indexrelid) || case when indisvalid then '' else ' INVALID' end
from pg_index
join relations on relations.oid = indrelid
join pg_class as index_class on index_class.oid = indexrelid
union all
select 'view', nspname || '.' || relname, pg_get_viewdef(oid)
from relations
where relkind in ('v', 'm')
union all
select 'function', format('%%s.%%s(%%s)', nspname, proname, pg_get_function_identity_arguments(pg_proc.oid)),
    pg_get_functiondef(pg_proc.oid) || coalesce(obj_description(pg_proc.oid, 'pg_proc'), '')
from pg_proc
join spaces on spaces.oid = pronamespace
where prokind in ('f', 'p')
union all
select 'trigger', format('%%s.%%s.%%s', relations.nspname, relations.relname, tgname),
    pg_get_triggerdef(pg_trigger.oid) || ' enabled=' || tgenabled::text
from pg_trigger
join relations on relations.oid = tgrelid
where not tgisinternal
union all
select 'policy', format('%%s.%%s.%%s', schemaname, tablename, policyname),
    format('%%s %%s %%s using=%%s check=%%s', permissive, roles, cmd, qual, with_check)
from pg_policies
where schemaname = any (%(schemas)s)
union all
select 'grant', format('%%s.%%s to %%s', nspname, relname, coalesce(nullif(grantee, 0)::regrole::text, 'public')),
    string_agg(privilege_type, ',' order by privilege_type)
from relations
cross join lateral aclexplode(relacl)
-- What the owner may do is the same whether it was never written down or granted and taken back.
where relkind in ('r', 'p', 'v', 'm', 'S') and grantee <> relowner
group by nspname, relname, grantee
union all
select 'column grant', format('%%s.%%s.%%s to %%s', nspname, relname, attname,
    coalesce(nullif(grantee, 0)::regrole::text, 'public')),
    string_agg(privilege_type, ',' order by privilege_type)
from relations
join pg_attribute on attrelid = relations.oid and attnum > 0 and not attisdropped
cross join lateral aclexplode(attacl)
where grantee <> relowner
group by nspname, relname, attname, grantee
union all
-- A function without an entry may be executed by everybody: the built-in default, which aclexplode does not know.
select 'function grant', format('%%s.%%s(%%s) to %%s', nspname, proname,
    pg_get_function_identity_arguments(pg_proc.oid), coalesce(nullif(grantee, 0)::regrole::text, 'public')),
    string_agg(privilege_type, ',' order by privilege_type)
from pg_proc
join spaces on spaces.oid = pronamespace
cross join lateral aclexplode(coalesce(proacl, acldefault('f', proowner)))
where prokind in ('f', 'p') and grantee <> proowner
group by nspname, proname, pg_proc.oid, grantee
union all
select 'usage', format('%%s to %%s', spaces.nspname, coalesce(nullif(grantee, 0)::regrole::text, 'public')),
    string_agg(privilege_type, ',' order by privilege_type)
from spaces
join pg_namespace on pg_namespace.oid = spaces.oid
cross join lateral aclexplode(nspacl)
where grantee <> nspowner
group by spaces.nspname, grantee
order by 1, 2, 3
