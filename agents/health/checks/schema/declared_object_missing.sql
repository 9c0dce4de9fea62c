-- An object that schema.sql declares is not there
/*
severity = "critical"
requires = {relations = ["cryo.schema_migrations"], schema_file = true}
evidence = ["kind"]
meaning = "Somebody dropped it by hand, or a migration is not applied; queries become slow, or a guard is gone."
remedy = "`cryo migrate plan` tells whether a migration is pending; otherwise make the object anew as migrations/schema.sql has it. `cryo migrate verify` compares every detail."
*/
with live as (
    select
        case c.relkind when 'r' then 'table' when 'p' then 'table' when 'v' then 'view' when 'm' then 'view' else 'index' end as kind,
        n.nspname || '.' || c.relname as name
    from pg_class as c
    join pg_namespace as n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p', 'v', 'm', 'i', 'I') and @is_ours@
    union all
    select 'policy', n.nspname || '.' || c.relname || ' / ' || p.polname
    from pg_policy as p
    join pg_class as c on c.oid = p.polrelid
    join pg_namespace as n on n.oid = c.relnamespace
    union all
    select 'trigger', n.nspname || '.' || c.relname || ' / ' || t.tgname
    from pg_trigger as t
    join pg_class as c on c.oid = t.tgrelid
    join pg_namespace as n on n.oid = c.relnamespace
    where not t.tgisinternal
    union all
    select 'function', n.nspname || '.' || f.proname
    from pg_proc as f
    join pg_namespace as n on n.oid = f.pronamespace
    where @is_ours@
)
select declared.kind || ' ' || declared.name as object, declared.kind
from jsonb_to_recordset(@declared@::jsonb) as declared (kind text, name text)
where not exists (select from live where live.kind = declared.kind and live.name = declared.name)
