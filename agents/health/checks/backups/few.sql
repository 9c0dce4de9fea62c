-- Too few backups are kept
/*
severity = "warn"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
threshold = {warn = 1, below = true, unit = "backups", source = "chosen: with one set alone, damage to it is loss"}
meaning = "One damaged set would leave nothing to restore."
remedy = "Look at the retention rules: `cryo backup list` tells which rule keeps which set."
also = ["pg-healthcheck:G02-007"]
*/
select 'backup' as object, count(*) as value from public.backup_catalogue where status = 'done'
