-- What was sent about one incident, in the order in which it was written.
select id, incident_id, kind, round, stage, person, channel, state, attempts, unknowns, created_at
from oncall.deliveries
where incident_id = %(id)s
order by id
