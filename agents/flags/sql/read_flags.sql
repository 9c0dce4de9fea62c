-- The flags as people see them: one by name, or all.
select jsonb_build_object(
    'name', feature_flags.name,
    'enabled', feature_flags.enabled,
    'rollout_percent', feature_flags.rollout_percent::text,
    'description', coalesce(feature_flags.description, ''),
    'user_ids', feature_flags.user_ids,
    'team_ids', feature_flags.team_ids,
    'overrides', coalesce(
        (
            select jsonb_agg(
                jsonb_build_object(
                    'kind', case when feature_flag_overrides.user_id is null then 'team' else 'user' end,
                    'id', coalesce(feature_flag_overrides.user_id, feature_flag_overrides.team_id),
                    'enabled', feature_flag_overrides.enabled,
                    'reason', feature_flag_overrides.reason
                )
                order by feature_flag_overrides.id
            )
            from public.feature_flag_overrides
            where feature_flag_overrides.flag_id = feature_flags.id
        ),
        '[]'
    )
)::text
from public.feature_flags
where %(name)s::text is null or feature_flags.name = %(name)s
order by feature_flags.name
