-- Holds one group of alerts against other writers until the transaction ends, also before it has an incident.
select pg_advisory_xact_lock(hashtextextended('oncall ' || %(group_key)s, 0))
