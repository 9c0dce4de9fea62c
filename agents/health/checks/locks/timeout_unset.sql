-- Nothing ends a statement or a forgotten transaction
/*
severity = "info"
profile = "quick"
evidence = ["setting"]
meaning = "One forgotten session of such a role holds its locks for ever."
remedy = "Set it for the role that the application logs in as: alter role ... set statement_timeout = '30s'."
also = ["pg-healthcheck:G04-005", "pg-healthcheck:G04-006", "pg-healthcheck:G04-010"]
*/
select r.rolname || ' / ' || g.name as object, g.name as setting
from pg_roles as r
cross join (
    select name from pg_settings
    where name in ('statement_timeout', 'idle_in_transaction_session_timeout')
        and (boot_val = reset_val or source = 'session' or source = 'client')
) as g
where r.rolcanlogin and not r.rolsuper and not r.rolreplication
    and not exists (
        select from pg_db_role_setting as s
        cross join unnest(s.setconfig) as setting
        where s.setrole in (r.oid, 0)
            and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
            and setting like g.name || '=%' and setting <> g.name || '=0'
    )
