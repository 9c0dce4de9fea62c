-- Tells the audit trigger who changes flags in this transaction, and why.
select set_config('cryo.actor', %(actor)s, true), set_config('cryo.reason', %(reason)s, true)
