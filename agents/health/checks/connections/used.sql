-- Few connections are left
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["in_use", "available"]
threshold = {warn = 0.8, critical = 0.95, unit = "ratio", source = "cited: check_postgres backends warns at 90 %; 80 % leaves time to act"}
meaning = "When they run out, new sessions are refused, and so is whoever comes to help."
remedy = "Find who holds them in pg_stat_activity by application_name; lower pool sizes or end idle sessions before raising max_connections."
also = ["check_postgres:backends", "pghero:connections", "pg-healthcheck:G01-003"]
*/
select
    'server' as object,
    in_use::float8 / available as value,
    in_use,
    available
from (
    select
        (select count(*) from pg_stat_activity where backend_type = 'client backend') as in_use,
        current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as available
) as counted
