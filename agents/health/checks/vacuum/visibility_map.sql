-- Index-only scans still visit the table
/*
severity = "info"
evidence = ["pages", "all_visible"]
parameters = {pages = 1280}
threshold = {warn = 0.5, below = true, unit = "share of all-visible pages", source = "chosen: below one half an index-only scan saves little"}
fix = "vacuum"
meaning = "Vacuum has not been through since most pages changed; tables that only grow are the usual case."
remedy = "Vacuum it as shown; lower autovacuum_vacuum_insert_scale_factor for it."
also = ["pg-healthcheck:G08-009"]
*/
select
    format('%I.%I', n.nspname, c.relname) as object,
    c.relallvisible::float8 / c.relpages as value,
    c.relpages as pages,
    c.relallvisible as all_visible,
    format('vacuum %I.%I', n.nspname, c.relname) as fix_sql
from pg_class as c
join pg_namespace as n on n.oid = c.relnamespace
where c.relkind = 'r' and c.relpages >= @pages@ and @is_ours@
