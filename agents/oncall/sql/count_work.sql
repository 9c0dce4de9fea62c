-- Incidents by status and unfinished messages by channel, for metrics.
select 'incident' as kind, status as label, count(*) as amount, 0::double precision as oldest_s
from oncall.incidents
where status <> 'resolved'
group by status
union all
select 'delivery', channel, count(*), extract(epoch from max(%(now)s::timestamptz - created_at))::double precision
from oncall.deliveries
where state in ('waiting', 'sending')
group by channel
