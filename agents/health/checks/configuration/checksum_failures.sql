-- The disk gave back other bytes than were written
/*
severity = "critical"
profile = "quick"
evidence = ["last_failure"]
threshold = {warn = 1, unit = "pages", source = "chosen: one is one too many"}
meaning = "Pages are damaged; whoever reads them gets an error, and the disk is not to be trusted."
remedy = "Save the data directory, find the relation in the log, and restore it from a verified backup."
also = ["pg-healthcheck:G07-002"]
*/
select
    coalesce(datname, 'shared catalogue') as object,
    checksum_failures as value,
    checksum_last_failure as last_failure
from pg_stat_database
where checksum_failures > 0
