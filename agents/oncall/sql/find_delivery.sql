-- The next message of a channel: one whose time has come, or one whose sender died while it was sending. Pages of an
-- incident that is calming wait until it is over or back.
select
    deliveries.id, deliveries.incident_id, deliveries.kind, deliveries.round, deliveries.stage, deliveries.person,
    deliveries.channel, deliveries.state, deliveries.attempts, deliveries.unknowns, deliveries.created_at,
    incidents.document::text
from oncall.deliveries
inner join oncall.incidents on incidents.id = deliveries.incident_id
where deliveries.channel = %(channel)s
    and (
        (deliveries.state = 'waiting' and deliveries.not_before <= %(now)s)
        or (deliveries.state = 'sending' and deliveries.claimed_at <= %(abandoned_at)s)
    )
    and not (deliveries.kind = 'page' and incidents.status = 'calming')
order by deliveries.id
limit 1
for update of deliveries skip locked
