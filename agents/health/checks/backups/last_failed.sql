-- The last backup failed
/*
severity = "critical"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["kind", "started_at", "error"]
meaning = "The schedule runs into the same error again, and the newest good set grows older."
remedy = "Mend what the error says; then run `cryo backup run`."
also = ["pg-healthcheck:G02-005"]
*/
select label as object, kind, started_at, error
from (select * from public.backup_catalogue order by started_at desc limit 1) as newest
where status = 'failed'
