-- A role's password ran out
/*
severity = "info"
profile = "quick"
evidence = ["valid_until"]
meaning = "Whoever logs in as this role is refused, or the role is not used any more."
remedy = "Set a new password, or drop the role."
also = ["pg-healthcheck:G11-004"]
*/
select rolname as object, rolvaliduntil as valid_until
from pg_roles
where rolcanlogin and rolvaliduntil < now()
