-- One runner at a time; the lock belongs to the session and ends with it, whatever kills the process.
select pg_try_advisory_lock(%(key)s)
