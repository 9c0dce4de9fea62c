-- Writes an incident as it is from now on.
update oncall.incidents
set group_key = %(group_key)s, status = %(status)s, due_at = %(due_at)s, opened_at = %(opened_at)s,
    since = %(since)s, fingerprints = %(fingerprints)s, document = %(document)s::jsonb
where id = %(id)s
