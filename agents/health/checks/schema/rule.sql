-- A rule rewrites statements on a table
/*
severity = "warn"
evidence = ["rule"]
meaning = "Rules evaluate arguments twice and change what a statement does without a trace."
remedy = "Use a trigger."
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    r.rulename as rule
from pg_rewrite as r
join pg_class as c on c.oid = r.ev_class
join pg_namespace as n on n.oid = c.relnamespace
where @is_table@
