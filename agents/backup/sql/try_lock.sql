-- One logical backup of a database at a time; the server gives the lock back with the session.
select pg_try_advisory_lock(hashtextextended('cryoprotect logical backup', 0))
