-- The planner believes that there is less cache than there is
/*
severity = "info"
profile = "quick"
evidence = ["effective_cache_kib", "shared_buffers_kib"]
meaning = "It avoids index scans that would be cheap."
remedy = "Set effective_cache_size to what shared_buffers and the operating system keep together."
*/
select
    'effective_cache_size' as object,
    cache as effective_cache_kib,
    buffers as shared_buffers_kib
from (
    select
        max(reset_val::float8 * 8) filter (where name = 'effective_cache_size') as cache,
        max(reset_val::float8 * 8) filter (where name = 'shared_buffers') as buffers
    from pg_settings
    where name in ('effective_cache_size', 'shared_buffers')
) as settings
where cache < buffers
