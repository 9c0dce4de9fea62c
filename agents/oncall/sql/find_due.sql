-- One incident that has something to do; what another worker holds is skipped.
select id, document::text
from oncall.incidents
where due_at <= %(now)s
order by due_at, id
limit 1
for update skip locked
