-- The other messages of the same kind, round and step.
select id, incident_id, kind, round, stage, person, channel, state, attempts, unknowns, created_at
from oncall.deliveries
where incident_id = %(incident_id)s and kind = %(kind)s and round = %(round)s and stage = %(stage)s and id <> %(id)s
order by id
