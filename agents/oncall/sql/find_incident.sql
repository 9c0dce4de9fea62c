-- The incident of a group: the latest of its key, or an open one that holds the same alerts under another key, because
-- a changed grouping in Alertmanager gives every group a new key.
select id, document::text
from oncall.incidents
where group_key = %(group_key)s
    or (status <> 'resolved' and cardinality(%(fingerprints)s::text[]) > 0 and fingerprints @> %(fingerprints)s::text[])
order by (status <> 'resolved') desc, (group_key = %(group_key)s) desc, id desc
limit 1
for update
