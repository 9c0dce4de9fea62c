-- Gives the exception of one person or team another value; touches no row when there is none.
update public.feature_flag_overrides
set enabled = %(enabled)s, reason = %(reason)s
from public.feature_flags
where feature_flags.name = %(name)s
    and feature_flag_overrides.flag_id = feature_flags.id
    and coalesce(feature_flag_overrides.user_id, feature_flag_overrides.team_id) = %(id)s
    and (feature_flag_overrides.user_id is not null) = (%(kind)s = 'user')
