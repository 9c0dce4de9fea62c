-- A backup is not encrypted
/*
severity = "warn"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["kind", "finished_at"]
meaning = "Whoever reads the repository reads the whole database."
remedy = "Set the repository's cipher, or the recipients of dumps; then let the open sets expire."
also = ["pg-healthcheck:G02-009"]
*/
select label as object, kind, finished_at
from public.backup_catalogue
where status = 'done' and cardinality(coalesce(encryption_key_ids, '{}')) = 0
