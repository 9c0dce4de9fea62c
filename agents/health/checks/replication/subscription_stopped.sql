-- A subscription does not run
/*
severity = "warn"
profile = "quick"
requires = {monitor = true}
evidence = ["enabled"]
meaning = "Changes of the publisher do not arrive."
remedy = "Look for its error in the log; then alter subscription ... enable."
*/
select s.subname as object, s.subenabled as enabled
from pg_subscription as s
where s.subdbid = (select oid from pg_database where datname = current_database())
    and (
        not s.subenabled
        or not exists (select from pg_stat_subscription as w where w.subid = s.oid and w.pid is not null)
    )
