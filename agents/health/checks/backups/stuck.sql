-- A backup runs far too long
/*
severity = "warn"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["kind", "started_at"]
threshold = {warn = 6, unit = "h", source = "chosen: the Job's own deadline is below it"}
meaning = "Its process is most likely gone and left the record behind, or the repository stands still."
remedy = "Look for its Job; `cryo backup list` tells what the repository holds."
*/
select
    label as object,
    extract(epoch from now() - started_at) / 3600 as value,
    kind,
    started_at
from public.backup_catalogue
where status = 'running'
