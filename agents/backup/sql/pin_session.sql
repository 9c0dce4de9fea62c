-- Makes the text of every value the same in every session and on every server, and refuses rows hidden by a policy.
select
    set_config('search_path', '', true),
    set_config('DateStyle', 'ISO, YMD', true),
    set_config('IntervalStyle', 'postgres', true),
    set_config('TimeZone', 'UTC', true),
    set_config('extra_float_digits', '1', true),
    set_config('bytea_output', 'hex', true),
    set_config('lc_monetary', 'C', true),
    set_config('row_security', 'off', true),
    set_config('lock_timeout', %(lock_timeout_ms)s, true),
    set_config('statement_timeout', %(statement_timeout_ms)s, true),
    set_config('idle_in_transaction_session_timeout', '0', true)
