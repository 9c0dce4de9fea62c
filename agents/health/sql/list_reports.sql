-- The newest reports with what was found in each group.
select
    r.id,
    r.created_at,
    r.profile,
    r.report ->> 'status',
    r.duration_ms,
    (
        select coalesce(jsonb_object_agg(g.name, g.found), '{}')
        from (
            select outcome ->> 'group' as name, sum((outcome ->> 'total')::bigint) as found
            from jsonb_array_elements(r.report -> 'outcomes') as outcome
            group by outcome ->> 'group'
        ) as g
    )
from public.health_reports as r
where r.id <= coalesce(%(until)s, r.id)
order by r.id desc
limit %(limit)s
