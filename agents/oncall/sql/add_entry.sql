-- Writes one line of an incident's history.
insert into oncall.journal (incident_id, occurred_at, event, actor, because)
values (%(incident_id)s, %(now)s, %(event)s, %(actor)s, %(because)s)
