-- All sessions together may ask for more memory than there is
/*
severity = "info"
profile = "quick"
evidence = ["work_mem_kib", "max_connections", "effective_cache_kib"]
threshold = {warn = 1, unit = "times effective_cache_size", source = "chosen: the setting is the administrator's own word for the memory at hand"}
meaning = "One sort in every session would drive the machine out of memory."
remedy = "Lower work_mem and raise it for the roles that need it, or lower max_connections."
*/
select
    'work_mem' as object,
    work_mem * connections / cache as value,
    work_mem as work_mem_kib,
    connections as max_connections,
    cache as effective_cache_kib
from (
    select
        max(reset_val::float8) filter (where name = 'work_mem') as work_mem,
        max(reset_val::float8) filter (where name = 'max_connections') as connections,
        max(reset_val::float8 * 8) filter (where name = 'effective_cache_size') as cache
    from pg_settings
    where name in ('work_mem', 'max_connections', 'effective_cache_size')
) as settings
