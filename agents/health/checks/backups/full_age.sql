-- The newest full backup is old
/*
severity = "warn"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["newest", "finished_at"]
threshold = {warn = 192, unit = "h", source = "chosen: one a week, and a day to repeat it"}
meaning = "Restores must walk a long chain of increments, each of which can be damaged."
remedy = "Run `cryo backup run --type full`, then read why the schedule did not."
also = ["pg-healthcheck:G02-002"]
*/
select
    case when max(finished_at) is null then 'no backup' else 'newest backup' end as object,
    coalesce(extract(epoch from now() - max(finished_at)) / 3600, 1e6) as value,
    (array_agg(label order by finished_at desc))[1] as newest,
    max(finished_at) as finished_at
from public.backup_catalogue
where status = 'done' and kind in ('full', 'logical')
