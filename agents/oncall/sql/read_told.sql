-- People and channels that an incident was paged to since it was last told to be over, as far as anybody knows.
select distinct person, channel
from oncall.deliveries
where incident_id = %(id)s
    and kind = 'page'
    and state in ('sending', 'sent', 'unknown')
    and round > coalesce(
        (select max(told.round) from oncall.deliveries as told where told.incident_id = %(id)s and told.kind = 'resolved'),
        -1
    )
order by person, channel
