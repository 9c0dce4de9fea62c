-- New passwords are stored in a weak form
/*
severity = "warn"
profile = "quick"
evidence = ["setting"]
meaning = "A stolen md5 entry is as good as the password itself."
remedy = "alter system set password_encryption = 'scram-sha-256', then set each password again."
*/
select name as object, reset_val as setting
from pg_settings
where name = 'password_encryption' and reset_val <> 'scram-sha-256'
