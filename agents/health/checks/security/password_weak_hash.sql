-- A password is stored as md5
/*
severity = "warn"
profile = "quick"
requires = {superuser = true}
meaning = "A stolen entry is as good as the password, and PostgreSQL 18 warns that md5 goes away."
remedy = "Set password_encryption to scram-sha-256 and set the password again."
also = ["pg-healthcheck:G11-003"]
*/
select rolname as object from pg_authid where rolpassword like 'md5%'
