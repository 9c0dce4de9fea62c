-- The server's major version ends soon
/*
severity = "warn"
profile = "quick"
evidence = ["version", "ends_on"]
threshold = {warn = 180, critical = 0, below = true, unit = "days", source = "cited: postgresql.org/support/versioning, as of 2026-11; half a year is what a major upgrade takes to plan"}
meaning = "After that day there are no fixes, not even for security."
remedy = "Plan the upgrade to a newer major version."
also = ["check_postgres:version", "postgres-checkup:A002"]
*/
select
    'server' as object,
    ends_on - current_date as value,
    current_setting('server_version') as version,
    ends_on
from (values
    (14, date '2026-11-12'), (15, date '2027-11-11'), (16, date '2028-11-09'), (17, date '2029-11-08'),
    (18, date '2030-11-14')
) as ends (major, ends_on)
where major = current_setting('server_version_num')::int / 10000
