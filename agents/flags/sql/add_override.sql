-- Makes an exception for one person or team.
insert into public.feature_flag_overrides (flag_id, user_id, team_id, enabled, reason)
select
    id,
    case when %(kind)s = 'user' then %(id)s::uuid end,
    case when %(kind)s = 'team' then %(id)s::uuid end,
    %(enabled)s,
    %(reason)s
from public.feature_flags
where name = %(name)s
