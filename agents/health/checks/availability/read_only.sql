-- Sessions of a primary begin read-only
/*
severity = "critical"
profile = "quick"
requires = {primary = true}
evidence = ["place"]
meaning = "Every write fails; hosted databases switch this on when the disk is nearly full."
remedy = "Free disk space first; then take the setting back where the finding says it is."
*/
select
    coalesce(d.datname, 'every database') || ' / ' || coalesce(r.rolname, 'every role') as object,
    'alter database or role' as place
from pg_db_role_setting as s
left join pg_database as d on d.oid = s.setdatabase
left join pg_roles as r on r.oid = s.setrole
where (s.setdatabase = 0 or d.datname = current_database())
    and s.setconfig && array['default_transaction_read_only=on', 'default_transaction_read_only=true']
union all
select 'server', source
from pg_settings
where name = 'default_transaction_read_only' and reset_val = 'on' and source not in ('database', 'user', 'database user')
