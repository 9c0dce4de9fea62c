-- Puts a message into the outbox; one that is there already stays as it is.
insert into oncall.deliveries (incident_id, kind, round, stage, person, channel, because, created_at, not_before)
values (%(incident_id)s, %(kind)s, %(round)s, %(stage)s, %(person)s, %(channel)s, %(because)s, %(now)s, %(now)s)
on conflict (incident_id, kind, round, stage, person, channel) do nothing
