-- An extension is older than what is installed
/*
severity = "info"
evidence = ["running", "available"]
meaning = "Its fixes are on disk but not in this database."
remedy = "Run what is shown, after its release notes."
also = ["supabase:0022_extension_versions_outdated"]
*/
select
    e.extname as object,
    e.extversion as running,
    a.default_version as available,
    format('alter extension %I update', e.extname) as fix_sql
from pg_extension as e
join pg_available_extensions as a on a.name = e.extname
where a.default_version <> e.extversion
