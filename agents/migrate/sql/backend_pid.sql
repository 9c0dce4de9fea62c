-- The process that serves us, as the server sees it.
select pg_backend_pid()
