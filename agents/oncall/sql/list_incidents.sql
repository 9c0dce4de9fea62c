-- Incidents that are not over, and the latest ones that are, newest first.
select id, document::text
from oncall.incidents
where status <> 'resolved' or since > %(since)s
order by (status <> 'resolved') desc, id desc
limit %(limit)s
