-- The server started a short while ago
/*
severity = "info"
profile = "quick"
evidence = ["started_at"]
threshold = {warn = 600, below = true, unit = "s", source = "chosen: caches are warm again after ten minutes"}
meaning = "Somebody restarted it, or it crashed; caches and counters are empty."
remedy = "If nobody meant it, read the end of the log before the start for a crash or the kernel's out-of-memory killer."
also = ["pg-healthcheck:G13-011"]
*/
select
    'server' as object,
    extract(epoch from clock_timestamp() - pg_postmaster_start_time()) as value,
    pg_postmaster_start_time() as started_at
