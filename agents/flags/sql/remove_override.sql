-- Ends the exception of one person or team.
delete from public.feature_flag_overrides
using public.feature_flags
where feature_flags.name = %(name)s
    and feature_flag_overrides.flag_id = feature_flags.id
    and coalesce(feature_flag_overrides.user_id, feature_flag_overrides.team_id) = %(id)s
    and (feature_flag_overrides.user_id is not null) = (%(kind)s = 'user')
