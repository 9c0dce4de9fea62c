-- A superuser that may log in has no password
/*
severity = "info"
profile = "quick"
requires = {superuser = true}
meaning = "Where pg_hba.conf says trust or peer it gets in; elsewhere it cannot log in at all."
remedy = "Set a password, or nologin."
also = ["pg-healthcheck:G11-002"]
*/
select rolname as object from pg_authid where rolpassword is null and rolcanlogin and rolsuper
