-- Waits for no lock, compiles nothing, trusts no search path, and lets no policy hide a row without an error.
select
    set_config('lock_timeout', '100ms', true),
    set_config('jit', 'off', true),
    set_config('search_path', '', true),
    set_config('row_security', 'off', true),
    set_config('max_parallel_workers_per_gather', '0', true)
