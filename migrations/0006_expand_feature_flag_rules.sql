-- Adds a flag's exceptions for one person or team, the audit of every change, and the flags service's one door.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

-- One door for the flags service: it logs in as this role, which may call one function and read no table.
do $$
begin
    if not exists (select from pg_roles where rolname = 'cryo_flags') then
        create role cryo_flags nologin noinherit;
    end if;
exception
    -- Roles belong to the whole cluster: another database may be making it at this moment.
    when duplicate_object or unique_violation then null;
end
$$;

alter table public.audit_log add column actor_name text;
alter table public.audit_log add column reason text;
comment on column public.audit_log.actor_name is 'Who says to have done it where no user is signed in: cryo.actor of the session.';
comment on column public.audit_log.reason is 'Why, in the words of whoever did it: cryo.reason of the session.';

create table public.feature_flag_overrides (
    id bigint generated always as identity primary key,
    flag_id bigint not null references public.feature_flags (id) on delete cascade,
    user_id uuid references auth.users (id) on delete cascade,
    team_id uuid references public.teams (id) on delete cascade,
    enabled boolean not null,
    reason text not null check (reason <> ''),
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint feature_flag_overrides_one_receiver_check check (num_nonnulls(user_id, team_id) = 1),
    constraint feature_flag_overrides_flag_user_key unique (flag_id, user_id),
    constraint feature_flag_overrides_flag_team_key unique (flag_id, team_id)
);
comment on table public.feature_flag_overrides is 'A flag switched on or off for one person or one team, whatever its rollout says.';
comment on column public.feature_flag_overrides.reason is 'Why this person or team is treated differently.';
create index feature_flag_overrides_user_id_idx on public.feature_flag_overrides (user_id);
create index feature_flag_overrides_team_id_idx on public.feature_flag_overrides (team_id);
create index feature_flag_overrides_created_by_idx on public.feature_flag_overrides (created_by);

create trigger feature_flag_overrides_touch before update on public.feature_flag_overrides
for each row execute function private.touch_updated_at();

create function private.record_flag_change() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    -- The owner runs this, so current_user is not who asked: SET ROLE is, and without one the login.
    insert into public.audit_log (
        actor, actor_role, actor_name, action, table_name, row_key, before, after, reason
    )
    values (
        auth.uid(),
        coalesce(nullif(current_setting('role', true), 'none'), session_user),
        nullif(current_setting('cryo.actor', true), ''),
        lower(tg_op),
        tg_table_name,
        case when tg_op = 'DELETE' then old.id else new.id end,
        case when tg_op <> 'INSERT' then to_jsonb(old) end,
        case when tg_op <> 'DELETE' then to_jsonb(new) end,
        nullif(current_setting('cryo.reason', true), '')
    );
    return null;
end
$$;
comment on function private.record_flag_change() is 'Writes every change of a flag or an override into the audit log.';
revoke all on function private.record_flag_change() from public;

create trigger feature_flags_audit after insert or update or delete on public.feature_flags
for each row execute function private.record_flag_change();
create trigger feature_flag_overrides_audit after insert or update or delete on public.feature_flag_overrides
for each row execute function private.record_flag_change();

create function private.read_feature_flags() returns jsonb
language sql stable security definer set search_path = '' as $$
    with named_teams as (
        select unnest(feature_flags.team_ids) as team_id from public.feature_flags
        union
        select feature_flag_overrides.team_id from public.feature_flag_overrides
    ),
    memberships as (
        select user_team_membership.user_id, jsonb_agg(user_team_membership.team_id) as team_ids
        from public.user_team_membership
        where user_team_membership.team_id in (select named_teams.team_id from named_teams)
        group by user_team_membership.user_id
    ),
    overrides as (
        select
            feature_flag_overrides.flag_id,
            jsonb_object_agg(feature_flag_overrides.user_id, feature_flag_overrides.enabled)
                filter (where feature_flag_overrides.user_id is not null) as of_users,
            jsonb_object_agg(feature_flag_overrides.team_id, feature_flag_overrides.enabled)
                filter (where feature_flag_overrides.team_id is not null) as of_teams
        from public.feature_flag_overrides
        group by feature_flag_overrides.flag_id
    )
    select jsonb_build_object(
        'flags', coalesce((
            select jsonb_agg(jsonb_build_object(
                'name', feature_flags.name,
                'enabled', feature_flags.enabled,
                'rollout_basis_points', floor(feature_flags.rollout_percent * 100)::integer,
                'user_ids', feature_flags.user_ids,
                'team_ids', feature_flags.team_ids,
                'user_overrides', coalesce(overrides.of_users, '{}'),
                'team_overrides', coalesce(overrides.of_teams, '{}')
            ) order by feature_flags.name)
            from public.feature_flags
            left join overrides on overrides.flag_id = feature_flags.id
        ), '[]'),
        'memberships', coalesce((
            select jsonb_object_agg(memberships.user_id, memberships.team_ids) from memberships
        ), '{}')
    )
$$;
comment on function private.read_feature_flags() is 'All flags, and who belongs to the teams that they name, as one document of one moment.';
revoke all on function private.read_feature_flags() from public;
grant usage on schema private to cryo_flags;
grant execute on function private.read_feature_flags() to cryo_flags;

revoke all on public.feature_flag_overrides from public, anon, authenticated;
