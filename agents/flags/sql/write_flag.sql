-- Makes a flag, or gives an existing one these values.
insert into public.feature_flags (name, description, enabled, rollout_percent)
values (%(name)s, nullif(%(description)s, ''), %(enabled)s, %(rollout_percent)s::numeric)
on conflict (name) do update
set description = excluded.description,
    enabled = excluded.enabled,
    rollout_percent = excluded.rollout_percent
