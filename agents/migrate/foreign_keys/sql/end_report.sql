-- The end of the same run.
update cryo.foreign_key_reports
set status = %(status)s, finished_at = %(finished_at)s, backup = %(backup)s, report = %(report)s
where id = %(id)s
