-- The budgets of one attempt of a statement that runs outside a transaction.
select
    set_config('lock_timeout', %(lock_ms)s, false),
    set_config('statement_timeout', %(statement_ms)s, false)
