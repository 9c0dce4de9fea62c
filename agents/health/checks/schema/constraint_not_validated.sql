-- A constraint was never checked against the rows that were there before it
/*
severity = "warn"
evidence = ["kind"]
fix = "validate_constraint"
meaning = "Old rows may break it, and the planner does not trust it."
remedy = "Mend the rows that integrity.orphans or integrity.check_broken names; then validate as shown, which blocks no writer."
also = ["pghero:invalid_constraints", "pg-index-health:NOT_VALID_CONSTRAINTS"]
*/
select
    format('%I.%I / %I', n.nspname, c.relname, k.conname) as object,
    case k.contype when 'f' then 'foreign key' when 'c' then 'check' else k.contype::text end as kind,
    format('alter table %I.%I validate constraint %I', n.nspname, c.relname, k.conname) as fix_sql
from pg_constraint as k
join pg_class as c on c.oid = k.conrelid
join pg_namespace as n on n.oid = c.relnamespace
where not k.convalidated and k.conparentid = 0 and @is_ours@
