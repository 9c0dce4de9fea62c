-- A trigger is switched off
/*
severity = "warn"
evidence = ["trigger", "guards"]
meaning = "What it keeps true is not kept; a foreign key's own triggers are named by their constraint."
remedy = "alter table ... enable trigger; then look for rows that slipped through."
also = ["check_postgres:disabled_triggers"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, t.tgname) as object,
    t.tgname as trigger,
    k.conname as guards
from pg_trigger as t
join pg_class as c on c.oid = t.tgrelid
join pg_namespace as n on n.oid = c.relnamespace
left join pg_constraint as k on k.oid = t.tgconstraint
where t.tgenabled in ('D', 'R') and @is_ours@
