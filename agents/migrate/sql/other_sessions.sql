-- Everybody else who is connected to this database; names only, no query text.
select pid, application_name
from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'
order by pid
