-- Blocks are seldom found in memory
/*
severity = "warn"
profile = "quick"
evidence = ["read", "hit"]
parameters = {blocks = 1000000}
threshold = {warn = 0.9, below = true, unit = "ratio", source = "cited: pghero and Supabase inspect warn below 99 %; 90 % leaves out batch work"}
meaning = "Most questions wait for the disk or for the operating system's cache."
remedy = "Look for sequential scans first; then give shared_buffers more."
also = ["pghero:cache_hit", "supabase:inspect db-stats"]
*/
select
    datname as object,
    blks_hit::float8 / (blks_hit + blks_read) as value,
    blks_read as read,
    blks_hit as hit
from pg_stat_database
where datname = current_database() and blks_hit + blks_read > @blocks@
