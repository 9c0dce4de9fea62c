-- More than one superuser may log in
/*
severity = "info"
profile = "quick"
evidence = ["valid_until"]
meaning = "Each of them can read every file of the server and switch off every guard."
remedy = "Take the right from those that do not need it: alter role ... nosuperuser."
also = ["pg-healthcheck:G11-001"]
*/
select rolname as object, rolvaliduntil as valid_until
from pg_roles
where rolsuper and rolcanlogin and oid <> 10
