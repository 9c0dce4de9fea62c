-- Settings of one scan: enough memory for a hash join in one pass, an error instead of rows hidden by policies, and
-- workers even where many rows are found (at the default cost a long work list is planned without them).
select
    set_config('work_mem', %(work_mem)s, true),
    set_config('row_security', 'off', true),
    set_config('parallel_tuple_cost', '0.01', true),
    set_config('statement_timeout', %(statement_ms)s, true),
    set_config('lock_timeout', %(lock_ms)s, true)
