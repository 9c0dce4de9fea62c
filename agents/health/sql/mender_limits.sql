-- A fix waits for locks a little longer than a migration, and may take its time once it has them.
select
    set_config('lock_timeout', '5s', false),
    set_config('statement_timeout', '30min', false),
    set_config('search_path', '', false)
