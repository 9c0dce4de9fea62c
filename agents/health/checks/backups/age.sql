-- The newest backup is old, or there is none
/*
severity = "critical"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["newest", "finished_at"]
threshold = {warn = 26, unit = "h", source = "chosen: one a day, and two hours for it to run"}
meaning = "If the disk is lost now, everything since then is lost with it, unless the log was archived."
remedy = "Run `cryo backup run`, then read why the schedule did not: `cryo backup list`, and the Job's log."
also = ["pg-healthcheck:G02-001", "pgwatch:backup_age"]
*/
select
    case when max(finished_at) is null then 'no backup' else 'newest backup' end as object,
    coalesce(extract(epoch from now() - max(finished_at)) / 3600, 1e6) as value,
    (array_agg(label order by finished_at desc))[1] as newest,
    max(finished_at) as finished_at
from public.backup_catalogue
where status = 'done'
