-- Written before anything changes, so that a killed run leaves its trace.
insert into cryo.foreign_key_reports (migration, status, started_at, git_sha, backup, report)
values (%(migration)s, 'running', %(started_at)s, %(git_sha)s, %(backup)s, %(report)s)
returning id
