-- No recent backup was proven by restoring it
/*
severity = "warn"
profile = "quick"
requires = {relations = ["public.backup_catalogue"]}
evidence = ["newest", "verified_at"]
parameters = {level = 3}
threshold = {warn = 192, unit = "h", source = "chosen: the drill runs once a week; level 3 is the first that restores"}
meaning = "A backup that nobody restored is a hope."
remedy = "Run `cryo backup verify` on the newest set and read the reason if it fails."
also = ["pgwatch:backup_verified"]
*/
select
    case when max(verified_at) is null then 'no backup' else 'newest backup' end as object,
    coalesce(extract(epoch from now() - max(verified_at)) / 3600, 1e6) as value,
    (array_agg(label order by verified_at desc))[1] as newest,
    max(verified_at) as verified_at
from public.backup_catalogue
where status = 'done' and verified_level >= @level@
