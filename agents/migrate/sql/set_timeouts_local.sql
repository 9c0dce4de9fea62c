-- The budgets of one attempt, gone with its transaction.
select
    set_config('lock_timeout', %(lock_ms)s, true),
    set_config('statement_timeout', %(statement_ms)s, true),
    set_config('idle_in_transaction_session_timeout', %(idle_ms)s, true)
