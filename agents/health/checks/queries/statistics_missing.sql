-- Nobody counts what statements cost
/*
severity = "info"
profile = "quick"
evidence = ["reason"]
meaning = "Slow statements cannot be found or compared; the checks that need pg_stat_statements are skipped."
remedy = "Add pg_stat_statements to shared_preload_libraries, restart, and create the extension."
also = ["pghero:query_stats", "postgres-checkup:K000"]
*/
select
    'pg_stat_statements' as object,
    case
        when not installed and not loaded then 'neither loaded nor created'
        when loaded then 'loaded, but the extension is not created here'
        else 'created, but not in shared_preload_libraries'
    end as reason
from (
    select
        exists (select from pg_extension where extname = 'pg_stat_statements') as installed,
        exists (select from pg_settings where name = 'pg_stat_statements.max') as loaded
) as found
where not (installed and loaded)
