-- Settings of one short change. Its commit does not wait for the disk while it holds locks: a crash could only undo
-- a step that the next run does again.
select
    set_config('lock_timeout', %(lock_ms)s, true),
    set_config('statement_timeout', %(statement_ms)s, true),
    set_config('idle_in_transaction_session_timeout', %(idle_ms)s, true),
    set_config('row_security', 'off', true),
    set_config('synchronous_commit', 'off', true)
