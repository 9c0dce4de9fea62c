-- The server lets network clients in without a password
/*
severity = "critical"
profile = "quick"
requires = {superuser = true}
evidence = ["line", "address", "databases", "roles"]
meaning = "Whoever reaches the port is whoever he says he is."
remedy = "Change the line in pg_hba.conf to scram-sha-256 and reload."
also = ["pg-healthcheck:G11-010"]
*/
select
    'pg_hba.conf line ' || line_number as object,
    line_number as line,
    address,
    database as databases,
    user_name as roles
from pg_hba_file_rules
where auth_method in ('trust', 'password') and type <> 'local' and address not in ('127.0.0.1', '::1', 'samehost')
