-- Statement statistics are thrown away to make room
/*
severity = "info"
profile = "quick"
requires = {extensions = ["pg_stat_statements"], monitor = true}
evidence = ["evictions", "since"]
threshold = {warn = 10, unit = "per hour", source = "chosen: each eviction drops 5 % of the entries"}
meaning = "The counts of rare statements are lost, and entries come and go at the cost of a lock."
remedy = "Raise pg_stat_statements.max, or let the application use parameters instead of constants."
*/
select
    'pg_stat_statements' as object,
    dealloc / greatest(extract(epoch from now() - stats_reset) / 3600, 1) as value,
    dealloc as evictions,
    stats_reset as since
from @pg_stat_statements@.pg_stat_statements_info
