-- Statements spill to disk
/*
severity = "info"
profile = "quick"
evidence = ["files", "bytes", "since"]
threshold = {warn = 10737418240, unit = "bytes per day", source = "chosen: 10 GiB a day is 120 KiB/s of extra writes"}
meaning = "Sorts and hashes do not fit into work_mem."
remedy = "Find the statements (log_temp_files); give them an index or more work_mem."
*/
select
    datname as object,
    temp_bytes / greatest(extract(epoch from now() - since) / 86400, 1) as value,
    temp_files as files,
    temp_bytes as bytes,
    since
from (
    select datname, temp_files, temp_bytes, coalesce(stats_reset, pg_postmaster_start_time()) as since
    from pg_stat_database
    where datname = current_database()
) as counted
