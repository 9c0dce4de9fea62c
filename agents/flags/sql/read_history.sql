-- What was done to the flags of one name, or to all, newest first: removed flags and their exceptions too.
with changes as (
    select
        occurred_at, coalesce(actor_name, actor::text, actor_role) as actor, action, table_name, reason, before, after,
        id, coalesce(after, before) as latest
    from public.audit_log
    where table_name in ('feature_flags', 'feature_flag_overrides')
),
named as (
    select distinct latest ->> 'id' as flag_id, latest ->> 'name' as name
    from changes
    where table_name = 'feature_flags'
    union
    select id::text, name from public.feature_flags
)
select changes.occurred_at, changes.actor, changes.action, changes.table_name, named.name, changes.reason,
    changes.before::text, changes.after::text
from changes
join named
    on named.flag_id = changes.latest ->> case when changes.table_name = 'feature_flags' then 'id' else 'flag_id' end
where %(name)s::text is null or named.name = %(name)s
order by changes.id desc
limit %(limit)s
