-- Writes a new incident and returns its number.
insert into oncall.incidents (group_key, status, due_at, opened_at, since, fingerprints, document)
values (%(group_key)s, %(status)s, %(due_at)s, %(opened_at)s, %(since)s, %(fingerprints)s, %(document)s::jsonb)
returning id
