-- The newest report.
select migration, status, backup, started_at, finished_at, report
from cryo.foreign_key_reports
order by id desc
limit 1
