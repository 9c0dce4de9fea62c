-- Checkpoints are forced by the volume of writes
/*
severity = "warn"
profile = "quick"
evidence = ["requested", "timed", "since"]
parameters = {checkpoints = 10}
threshold = {warn = 0.5, unit = "ratio", source = "cited: the server's own hint in the log; backups ask for some as well, so half is chosen"}
meaning = "Each writes every changed page in a hurry and makes the log larger after it."
remedy = "Raise max_wal_size."
also = ["pganalyze:checkpoints", "pg-healthcheck:G14-006"]
*/
select
    'server' as object,
    checkpoints_req::float8 / (checkpoints_req + checkpoints_timed) as value,
    checkpoints_req as requested,
    checkpoints_timed as timed,
    stats_reset as since
from pg_stat_bgwriter
where checkpoints_req + checkpoints_timed >= @checkpoints@
-- @from 17
select
    'server' as object,
    num_requested::float8 / (num_requested + num_timed) as value,
    num_requested as requested,
    num_timed as timed,
    stats_reset as since
from pg_stat_checkpointer
where num_requested + num_timed >= @checkpoints@
