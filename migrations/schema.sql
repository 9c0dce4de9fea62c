-- The schema of a CryoProtect database on plain PostgreSQL, as all migrations together must leave it.
-- Tests load this file and the migrations into two databases and compare them fact by fact; change both together.
-- On Supabase the first section is Supabase's own.

-- Roles belong to the whole server, so this section makes what is missing and changes nothing that is there.
do $$
declare
    api_role text;
begin
    foreach api_role in array array['anon', 'authenticated', 'service_role', 'authenticator', 'cryo_flags', 'cryo_oncall'] loop
        if not exists (select from pg_roles where rolname = api_role) then
            execute format('create role %I nologin noinherit', api_role);
        end if;
    end loop;
    if not exists (select from pg_roles where rolname = 'service_role' and rolbypassrls) then
        alter role service_role bypassrls;
    end if;
    foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (
            select from pg_auth_members where roleid = api_role::regrole and member = 'authenticator'::regrole
        ) then
            execute format('grant %I to authenticator', api_role);
        end if;
    end loop;
end
$$;

create schema auth;
comment on schema auth is 'CryoProtect stand-in for Supabase auth: who the caller is.';
grant usage on schema auth to anon, authenticated, service_role;

create table auth.users (
    id uuid primary key default gen_random_uuid(),
    email text unique,
    created_at timestamptz not null default now()
);
comment on table auth.users is 'People who can sign in; Supabase has its own.';

create function auth.jwt() returns jsonb language sql stable parallel safe as $body$
            select nullif(current_setting('request.jwt.claims', true), '')::jsonb
        $body$;
comment on function auth.jwt() is 'Claims of the caller''s token; null without a token.';

create function auth.uid() returns uuid language sql stable parallel safe as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.sub', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub'
            )::uuid
        $body$;
comment on function auth.uid() is 'User of the caller''s token; null without a token.';

create function auth.role() returns text language sql stable parallel safe as $body$
            select coalesce(
                nullif(current_setting('request.jwt.claim.role', true), ''),
                nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'role'
            )
        $body$;
comment on function auth.role() is 'Role in the caller''s token; null without a token.';

create schema private;
comment on schema private is 'Functions that the API does not expose.';
revoke all on schema private from public;

create function private.touch_updated_at() returns trigger language plpgsql as $$
begin
    new.updated_at := now();
    return new;
end
$$;
comment on function private.touch_updated_at() is 'Keeps updated_at true whoever writes the row.';

create table public.user_profiles (
    user_id uuid primary key references auth.users (id) on delete cascade,
    display_name text not null check (display_name <> ''),
    affiliation text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.user_profiles is 'What others see of a person.';

create table public.teams (
    id uuid primary key default gen_random_uuid(),
    name text not null check (name <> ''),
    description text,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.teams is 'A group of people who share data.';
create index teams_created_by_idx on public.teams (created_by);

create table public.team_roles (
    id uuid primary key default gen_random_uuid(),
    name text not null unique check (name in ('viewer', 'member', 'admin', 'owner')),
    can_view boolean not null default false,
    can_create boolean not null default false,
    can_update boolean not null default false,
    can_delete boolean not null default false,
    can_manage_members boolean not null default false,
    can_view_verifications boolean not null default false,
    can_update_verifications boolean not null default false
);
comment on table public.team_roles is 'What a member with this role may do with the team''s data; policies read it.';

insert into public.team_roles (
    name, can_view, can_create, can_update, can_delete, can_manage_members, can_view_verifications,
    can_update_verifications
)
values
    ('viewer', true, false, false, false, false, true, false),
    ('member', true, true, true, false, false, true, true),
    ('admin', true, true, true, true, true, true, true),
    ('owner', true, true, true, true, true, true, true);

create table public.user_team_membership (
    id uuid primary key default gen_random_uuid(),
    user_id uuid not null references auth.users (id) on delete cascade,
    team_id uuid not null references public.teams (id) on delete cascade,
    role_id uuid not null references public.team_roles (id) on delete restrict,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    unique (user_id, team_id)
);
comment on table public.user_team_membership is 'Who belongs to which team with which role; one role per team.';
create index user_team_membership_team_id_idx on public.user_team_membership (team_id);
create index user_team_membership_role_id_idx on public.user_team_membership (role_id);
create index user_team_membership_created_by_idx on public.user_team_membership (created_by);

create trigger user_profiles_touch before update on public.user_profiles
for each row execute function private.touch_updated_at();
create trigger teams_touch before update on public.teams
for each row execute function private.touch_updated_at();

-- Supabase grants new tables to the API roles by itself; until the policies are there, nobody gets in by that door.
revoke all on public.user_profiles, public.teams, public.team_roles, public.user_team_membership
from public, anon, authenticated;

create table public.projects (
    id uuid primary key default gen_random_uuid(),
    team_id uuid references public.teams (id) on delete set null,
    name text not null check (name <> ''),
    description text,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.projects is 'A piece of work that groups molecules, mixtures and experiments.';
create index projects_team_id_idx on public.projects (team_id);
create index projects_created_by_idx on public.projects (created_by);

create table public.molecules (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references public.projects (id) on delete set null,
    team_id uuid references public.teams (id) on delete set null,
    name text not null check (name <> ''),
    smiles text check (smiles <> ''),
    inchikey text check (inchikey ~ '^[A-Z]{14}-[A-Z]{10}-[A-Z]$'),
    molecular_formula text,
    cid bigint check (cid > 0),
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.molecules is 'A compound; the same compound may exist once per team, so nothing here is unique across teams.';
comment on column public.molecules.cid is 'PubChem compound number.';
comment on column public.molecules.smiles is 'Structure; null for a polymer, or until it was looked up by cid.';
create index molecules_project_id_idx on public.molecules (project_id);
create index molecules_team_id_idx on public.molecules (team_id);
create index molecules_created_by_idx on public.molecules (created_by);
create index molecules_inchikey_idx on public.molecules (inchikey);

create table public.mixtures (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references public.projects (id) on delete set null,
    team_id uuid references public.teams (id) on delete set null,
    name text not null check (name <> ''),
    description text,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.mixtures is 'A recipe of molecules.';
create index mixtures_project_id_idx on public.mixtures (project_id);
create index mixtures_team_id_idx on public.mixtures (team_id);
create index mixtures_created_by_idx on public.mixtures (created_by);

create table public.mixture_components (
    id uuid primary key default gen_random_uuid(),
    mixture_id uuid not null references public.mixtures (id) on delete cascade,
    molecule_id uuid not null references public.molecules (id) on delete restrict,
    amount numeric not null check (amount >= 0 and amount < 'infinity'),
    amount_unit text not null
        check (amount_unit in ('mol/L', 'mmol/L', 'mol/kg', 'g/L', '%w/w', '%w/v', '%v/v', 'mol/mol')),
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    unique (mixture_id, molecule_id)
);
comment on table public.mixture_components is 'How much of a molecule a mixture holds; an amount means nothing without its unit.';
create index mixture_components_molecule_id_idx on public.mixture_components (molecule_id);
create index mixture_components_created_by_idx on public.mixture_components (created_by);

create table public.experiments (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references public.projects (id) on delete set null,
    team_id uuid references public.teams (id) on delete set null,
    mixture_id uuid references public.mixtures (id) on delete restrict,
    molecule_id uuid references public.molecules (id) on delete restrict,
    name text not null check (name <> ''),
    protocol text,
    status text not null default 'planned' check (status in ('planned', 'running', 'done', 'failed')),
    performed_at timestamptz,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    constraint experiments_one_subject_check check (num_nonnulls(mixture_id, molecule_id) = 1)
);
comment on table public.experiments is 'A measurement in the laboratory, of one mixture or of one molecule.';
create index experiments_project_id_idx on public.experiments (project_id);
create index experiments_team_id_idx on public.experiments (team_id);
create index experiments_mixture_id_idx on public.experiments (mixture_id);
create index experiments_molecule_id_idx on public.experiments (molecule_id);
create index experiments_created_by_idx on public.experiments (created_by);

create table public.experiment_properties (
    id bigint generated always as identity primary key,
    experiment_id uuid not null references public.experiments (id) on delete cascade,
    name text not null check (name <> ''),
    numeric_value numeric,
    text_value text,
    unit text,
    uncertainty numeric check (uncertainty >= 0),
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    constraint experiment_properties_one_value_check check (num_nonnulls(numeric_value, text_value) = 1),
    constraint experiment_properties_unit_check check (numeric_value is null or unit is not null)
);
comment on table public.experiment_properties is 'What an experiment found; a number carries its unit, 1 when it has none.';
create index experiment_properties_experiment_id_idx on public.experiment_properties (experiment_id);
create index experiment_properties_created_by_idx on public.experiment_properties (created_by);

create table public.lab_verifications (
    id uuid primary key default gen_random_uuid(),
    experiment_id uuid not null references public.experiments (id) on delete cascade,
    verification_status text not null default 'pending'
        check (verification_status in ('pending', 'verified', 'rejected')),
    verifier uuid references auth.users (id) on delete set null,
    equipment_used text,
    comments text,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.lab_verifications is 'Whether somebody repeated an experiment, and what came out.';
create index lab_verifications_experiment_id_idx on public.lab_verifications (experiment_id);
create index lab_verifications_verifier_idx on public.lab_verifications (verifier);
create index lab_verifications_created_by_idx on public.lab_verifications (created_by);

create table public.shared_content (
    id uuid primary key default gen_random_uuid(),
    project_id uuid references public.projects (id) on delete cascade,
    molecule_id uuid references public.molecules (id) on delete cascade,
    mixture_id uuid references public.mixtures (id) on delete cascade,
    experiment_id uuid references public.experiments (id) on delete cascade,
    shared_with_user_id uuid references auth.users (id) on delete cascade,
    shared_with_team_id uuid references public.teams (id) on delete cascade,
    can_update boolean not null default false,
    created_by uuid default auth.uid() references auth.users (id) on delete cascade,
    created_at timestamptz not null default now(),
    constraint shared_content_one_item_check
        check (num_nonnulls(project_id, molecule_id, mixture_id, experiment_id) = 1),
    constraint shared_content_one_receiver_check check (num_nonnulls(shared_with_user_id, shared_with_team_id) = 1)
);
comment on table public.shared_content is 'One item shared with one person or team; a column per kind, so that a share cannot outlive its item.';
create index shared_content_project_id_idx on public.shared_content (project_id);
create index shared_content_molecule_id_idx on public.shared_content (molecule_id);
create index shared_content_mixture_id_idx on public.shared_content (mixture_id);
create index shared_content_experiment_id_idx on public.shared_content (experiment_id);
create index shared_content_shared_with_user_id_idx on public.shared_content (shared_with_user_id);
create index shared_content_shared_with_team_id_idx on public.shared_content (shared_with_team_id);
create index shared_content_created_by_idx on public.shared_content (created_by);

create trigger projects_touch before update on public.projects
for each row execute function private.touch_updated_at();
create trigger molecules_touch before update on public.molecules
for each row execute function private.touch_updated_at();
create trigger mixtures_touch before update on public.mixtures
for each row execute function private.touch_updated_at();
create trigger mixture_components_touch before update on public.mixture_components
for each row execute function private.touch_updated_at();
create trigger experiments_touch before update on public.experiments
for each row execute function private.touch_updated_at();
create trigger lab_verifications_touch before update on public.lab_verifications
for each row execute function private.touch_updated_at();

revoke all on public.projects, public.molecules, public.mixtures, public.mixture_components, public.experiments,
    public.experiment_properties, public.lab_verifications, public.shared_content
from public, anon, authenticated;

create table public.model_versions (
    id bigint generated always as identity primary key,
    name text not null check (name <> ''),
    version text not null check (version <> ''),
    unit text not null,
    digest text not null check (digest ~ '^sha256:[0-9a-f]{64}$'),
    card jsonb not null,
    released_at timestamptz,
    created_at timestamptz not null default now(),
    unique (name, version)
);
comment on table public.model_versions is 'A model that can be served; its digest names the exact file.';

create table public.training_jobs (
    id bigint generated always as identity primary key,
    model_name text not null check (model_name <> ''),
    status text not null default 'queued'
        check (status in ('queued', 'running', 'succeeded', 'failed', 'cancelled')),
    parameters jsonb not null default '{}',
    metrics jsonb,
    error text,
    model_version_id bigint references public.model_versions (id) on delete set null,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    started_at timestamptz,
    finished_at timestamptz,
    constraint training_jobs_order_check check (finished_at >= started_at)
);
comment on table public.training_jobs is 'One run of training, with what went in and what came out.';
create index training_jobs_model_version_id_idx on public.training_jobs (model_version_id);
create index training_jobs_created_by_idx on public.training_jobs (created_by);

create table public.predictions (
    id bigint generated always as identity primary key,
    model_version_id bigint not null references public.model_versions (id) on delete restrict,
    team_id uuid references public.teams (id) on delete set null,
    molecule_id uuid references public.molecules (id) on delete cascade,
    mixture_id uuid references public.mixtures (id) on delete cascade,
    target text not null check (target <> ''),
    unit text not null,
    prediction double precision not null,
    lower_bound double precision not null,
    upper_bound double precision not null,
    confidence_level double precision not null check (confidence_level > 0 and confidence_level < 1),
    in_domain boolean not null,
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    constraint predictions_one_subject_check check (num_nonnulls(molecule_id, mixture_id) = 1),
    constraint predictions_interval_check check (lower_bound <= prediction and prediction <= upper_bound)
);
comment on table public.predictions is 'What a model version said about a molecule or a mixture, with its interval.';
create index predictions_model_version_id_idx on public.predictions (model_version_id);
create index predictions_team_id_idx on public.predictions (team_id);
create index predictions_molecule_id_idx on public.predictions (molecule_id);
create index predictions_mixture_id_idx on public.predictions (mixture_id);
create index predictions_created_by_idx on public.predictions (created_by);

revoke all on public.model_versions, public.training_jobs, public.predictions from public, anon, authenticated;

create table public.audit_log (
    id bigint generated always as identity primary key,
    occurred_at timestamptz not null default now(),
    actor uuid,
    actor_role text not null default current_user,
    action text not null check (action <> ''),
    table_name text,
    row_key text,
    before jsonb,
    after jsonb,
    request_id text,
    actor_name text,
    reason text
);
comment on table public.audit_log is 'Who changed what; actor has no foreign key, so that an entry outlives its person.';
comment on column public.audit_log.actor_name is 'Who says to have done it where no user is signed in: cryo.actor of the session.';
comment on column public.audit_log.reason is 'Why, in the words of whoever did it: cryo.reason of the session.';
create index audit_log_occurred_at_idx on public.audit_log (occurred_at);
create index audit_log_row_idx on public.audit_log (table_name, row_key);

create table public.health_reports (
    id bigint generated always as identity primary key,
    created_at timestamptz not null default now(),
    profile text not null check (profile in ('quick', 'full')),
    status text not null check (status in ('ok', 'warn', 'crit', 'unknown')),
    duration_ms bigint not null check (duration_ms >= 0),
    report jsonb not null
);
comment on table public.health_reports is 'Answers of the health agent over time.';
create index health_reports_created_at_idx on public.health_reports (created_at);

create table public.backup_catalogue (
    id bigint generated always as identity primary key,
    label text not null unique check (label <> ''),
    kind text not null check (kind in ('full', 'differential', 'incremental', 'logical')),
    status text not null check (status in ('running', 'done', 'failed', 'expired')),
    started_at timestamptz not null,
    finished_at timestamptz,
    size_bytes bigint check (size_bytes >= 0),
    stored_bytes bigint check (stored_bytes >= 0),
    wal_start text,
    wal_stop text,
    verified_level integer not null default 0 check (verified_level between 0 and 7),
    verified_at timestamptz,
    held_until timestamptz,
    tool_version text,
    error text,
    engine text,
    repository bigint,
    parent text,
    timeline bigint,
    lsn_start pg_lsn,
    lsn_stop pg_lsn,
    server_version text,
    encryption_key_ids text [],
    schema_fingerprint text,
    access_fingerprint text,
    migration_head text,
    row_count bigint,
    colour text,
    git_sha text,
    manifest_sha256 text,
    manifest jsonb,
    verifications jsonb not null default '[]',
    constraint backup_catalogue_order_check check (finished_at >= started_at)
);
comment on table public.backup_catalogue is 'Every backup, what it holds and how far it was proven.';
comment on column public.backup_catalogue.engine is 'Program that wrote the set, with its version.';
comment on column public.backup_catalogue.parent is 'Set that this one builds on; null for a full or logical one.';
comment on column public.backup_catalogue.manifest_sha256 is 'Of the signed file beside the set; another value there means that the set was replaced.';
comment on column public.backup_catalogue.manifest is 'What the signed file says, with rows and digest of each table.';
comment on column public.backup_catalogue.verifications is 'Each verification: when, which levels, and why one failed; the newest is last.';
create index backup_catalogue_started_at_idx on public.backup_catalogue (started_at);

create table public.release_history (
    id bigint generated always as identity primary key,
    release_id text not null unique check (release_id <> ''),
    app text not null check (app <> ''),
    from_colour text check (from_colour in ('blue', 'green')),
    to_colour text not null check (to_colour in ('blue', 'green')),
    from_version text,
    to_version text not null,
    image_digest text,
    git_sha text,
    phase text not null,
    reasons jsonb not null default '[]',
    started_at timestamptz not null,
    finished_at timestamptz,
    constraint release_history_order_check check (finished_at >= started_at)
);
comment on table public.release_history is 'Every release that was tried, how it ended and why.';
create index release_history_app_started_at_idx on public.release_history (app, started_at);

create table public.feature_flags (
    id bigint generated always as identity primary key,
    name text not null unique check (name ~ '^[a-z][a-z0-9_.-]*$'),
    description text,
    enabled boolean not null default false,
    rollout_percent numeric not null default 0 check (rollout_percent between 0 and 100),
    user_ids uuid[] not null default '{}',
    team_ids uuid[] not null default '{}',
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.feature_flags is 'What is switched on, for everybody, a share, or named people and teams; off unless a row says otherwise.';
create index feature_flags_created_by_idx on public.feature_flags (created_by);

create trigger feature_flags_touch before update on public.feature_flags
for each row execute function private.touch_updated_at();

revoke all on public.audit_log, public.health_reports, public.backup_catalogue, public.release_history,
    public.feature_flags
from public, anon, authenticated;

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

-- A schema of its own, which the API does not show: the agent's role sees nothing else, and nobody else sees this.
create schema oncall;
comment on schema oncall is 'State of the on-call agent; the API does not show it.';

create table oncall.incidents (
    id bigint generated always as identity primary key,
    group_key text not null,
    status text not null,
    due_at timestamptz,
    opened_at timestamptz not null,
    since timestamptz not null,
    fingerprints text [] not null,
    document jsonb not null,
    constraint incidents_status_check check (status in ('open', 'acknowledged', 'calming', 'resolved'))
);
comment on table oncall.incidents is 'Groups of alerts from their first firing to their end.';
comment on column oncall.incidents.due_at is 'When the agent has something to do by itself.';
comment on column oncall.incidents.document is 'The whole incident as the agent decides on it; the other columns are for finding it.';
create index incidents_group_key_idx on oncall.incidents (group_key, id);
create index incidents_due_at_idx on oncall.incidents (due_at) where due_at is not null;
create index incidents_active_idx on oncall.incidents (status, since) where status <> 'resolved';

create table oncall.deliveries (
    id bigint generated always as identity primary key,
    incident_id bigint not null references oncall.incidents (id) on delete cascade,
    kind text not null,
    round bigint not null,
    stage bigint not null,
    person text not null,
    channel text not null,
    because text not null,
    state text not null default 'waiting',
    attempts bigint not null default 0,
    unknowns bigint not null default 0,
    created_at timestamptz not null,
    not_before timestamptz not null,
    claimed_at timestamptz,
    finished_at timestamptz,
    error text,
    constraint deliveries_kind_check check (kind in ('page', 'acknowledged', 'resolved')),
    constraint deliveries_state_check check (
        state in ('waiting', 'sending', 'sent', 'unknown', 'failed', 'moot')
    ),
    constraint deliveries_identity_key unique (incident_id, kind, round, stage, person, channel)
);
comment on table oncall.deliveries is 'Outbox: a message is here before its channel is asked, and each step is written before it is taken.';
comment on column oncall.deliveries.unknowns is 'Attempts after which nobody knows whether the message arrived.';
create index deliveries_unfinished_idx on oncall.deliveries (channel, id) where state in ('waiting', 'sending');

create table oncall.journal (
    id bigint generated always as identity primary key,
    incident_id bigint not null references oncall.incidents (id) on delete cascade,
    occurred_at timestamptz not null,
    event text not null,
    actor text not null,
    because text not null
);
comment on table oncall.journal is 'Every change of an incident with who and why.';
create index journal_incident_id_idx on oncall.journal (incident_id, id);

grant usage on schema oncall to cryo_oncall;
grant select, insert, update on oncall.incidents, oncall.deliveries to cryo_oncall;
grant insert on oncall.journal to cryo_oncall;

create table private.quarantined_rows (
    id bigint generated always as identity primary key,
    relation text not null check (relation <> ''),
    table_name text not null check (table_name <> ''),
    row_key text not null,
    row_data jsonb not null,
    reason text not null check (reason <> ''),
    quarantined_at timestamptz not null default now(),
    migration text not null check (migration <> '')
);
comment on table private.quarantined_rows is 'Rows that pointed at nothing, whole, as they were when they were taken out, and why.';
comment on column private.quarantined_rows.relation is 'Foreign key that the row broke, or by which it would have been deleted with its parent.';
comment on column private.quarantined_rows.row_key is 'Primary key as a JSON object; {} for a table without one.';
comment on column private.quarantined_rows.row_data is 'The row; jsonb_populate_record turns it back into one.';
create index quarantined_rows_relation_idx on private.quarantined_rows (relation, quarantined_at);

-- These rows carry data of every team; nobody reads them through the API, not even its service role.
revoke all on private.quarantined_rows from public, anon, authenticated, service_role;

-- policies: begin (generated)
-- What the policies ask about the caller: each is called once per query, never once per row.
-- Types are written with their schema, because an empty search_path still looks for types among temporary ones first.

create or replace function private.my_teams(permission text) returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.team_id
    from public.user_team_membership as membership
    join public.team_roles as role on role.id = membership.role_id
    where membership.user_id = (select auth.uid())
        and case permission
            when 'view' then role.can_view
            when 'create' then role.can_create
            when 'update' then role.can_update
            when 'delete' then role.can_delete
            when 'manage_members' then role.can_manage_members
            when 'view_verifications' then role.can_view_verifications
            when 'update_verifications' then role.can_update_verifications
            when 'own' then role.can_manage_members and role.name = 'owner'
            else false
        end;
end
$$;
comment on function private.my_teams(text) is 'Teams in which the caller''s role has the permission; none for an unknown one.';

create or replace function private.share_holds(
    sharer uuid, item_team uuid, item_owner uuid
) returns boolean
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    -- A share is worth what its sharer may do today, so that nobody prepares access for the time after he leaves.
    -- Without a sharer it was put there by the service role, which answers for itself.
    if sharer is null then
        return true;
    end if;
    if item_team is null then
        return coalesce(sharer = item_owner, false);
    end if;
    return exists (
        select
        from public.user_team_membership as membership
        join public.team_roles as role on role.id = membership.role_id
        where membership.user_id = sharer
            and membership.team_id = item_team
            and (role.can_update or (role.can_create and sharer = item_owner))
    );
end
$$;
comment on function private.share_holds(uuid, uuid, uuid) is 'Whether the sharer of an item may share it now.';

create or replace function private.my_shared(kind text, permission text) returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    me constant pg_catalog.uuid := auth.uid();
    teams constant pg_catalog.uuid[] := array(
        select private.my_teams(case permission when 'update' then 'update' else 'view' end)
    );
begin
    case kind
        when 'project' then
            return query
            select item.id
            from public.shared_content as share
            join public.projects as item on item.id = share.project_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'molecule' then
            return query
            select item.id
            from public.shared_content as share
            join public.molecules as item on item.id = share.molecule_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'mixture' then
            return query
            select item.id
            from public.shared_content as share
            join public.mixtures as item on item.id = share.mixture_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
        when 'experiment' then
            return query
            select item.id
            from public.shared_content as share
            join public.experiments as item on item.id = share.experiment_id
            where (share.shared_with_user_id = me or share.shared_with_team_id = any (teams))
                and (permission = 'view' or (permission = 'update' and share.can_update))
                and private.share_holds(share.created_by, item.team_id, item.created_by);
    end case;
end
$$;
comment on function private.my_shared(text, text) is 'Items of one kind that are shared with the caller or with a team of his.';

create or replace function private.my_shared_projects() returns table (project_id uuid, holder_id uuid)
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select item.id, coalesce(item.team_id, item.created_by)
    from public.projects as item
    where item.id in (select private.my_shared('project', 'view'));
end
$$;
comment on function private.my_shared_projects() is
    'Projects shared with the caller, and whose rows in them the share opens: the team''s, or the owner''s without one.';

create or replace function private.my_controlled_shares() returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
declare
    me constant pg_catalog.uuid := auth.uid();
    update_teams constant pg_catalog.uuid[] := array(select private.my_teams('update'));
    create_teams constant pg_catalog.uuid[] := array(select private.my_teams('create'));
begin
    return query
    select share.id
    from public.projects as item
    join public.shared_content as share on share.project_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.molecules as item
    join public.shared_content as share on share.molecule_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.mixtures as item
    join public.shared_content as share on share.mixture_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)))
    union all
    select share.id
    from public.experiments as item
    join public.shared_content as share on share.experiment_id = item.id
    where item.team_id = any (update_teams)
        or (item.created_by = me and (item.team_id is null or item.team_id = any (create_teams)));
end
$$;
comment on function private.my_controlled_shares() is 'Shares of items that the caller may share himself.';

create or replace function private.role_rank(name text) returns integer
language sql immutable parallel safe set search_path = '' as $$
    select array_position(array['viewer', 'member', 'admin', 'owner'], name)
$$;
comment on function private.role_rank(text) is 'Order of the roles; null for a name that is none of them.';

create or replace function private.my_grants() returns table (team_id uuid, role_id uuid)
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.team_id, granted.id
    from public.user_team_membership as membership
    join public.team_roles as mine on mine.id = membership.role_id and mine.can_manage_members
    join public.team_roles as granted on private.role_rank(granted.name) <= private.role_rank(mine.name)
    where membership.user_id = (select auth.uid());
end
$$;
comment on function private.my_grants() is 'Roles that the caller may give and take in each team: none above his own.';

create or replace function private.my_teammates() returns setof uuid
language plpgsql stable parallel safe security definer set search_path = '' as $$
begin
    return query
    select membership.user_id
    from public.user_team_membership as membership
    where membership.team_id in (select private.my_teams('view'));
end
$$;
comment on function private.my_teammates() is 'People in the teams that the caller may see.';

-- What a policy cannot say, because it never sees the old and the new row together.

create or replace function private.keep_created_by() returns trigger
language plpgsql set search_path = '' as $$
begin
    -- Foreign-key actions and the service role are not under the policies; they may clear or correct it.
    if row_security_active(tg_relid) then
        raise exception 'created_by of %.% cannot be changed', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Leave created_by out of the update.';
    end if;
    return new;
end
$$;
comment on function private.keep_created_by() is 'Refuses a change of created_by by anybody who is under the policies.';

create or replace function private.keep_place() returns trigger
language plpgsql set search_path = '' as $$
declare
    permission constant pg_catalog.text := tg_argv[0];
    me constant pg_catalog.uuid := auth.uid();
begin
    if not row_security_active(tg_relid) then
        return new;
    end if;
    if not coalesce(
        old.team_id in (select private.my_teams(permission))
        or (old.created_by = me and (old.team_id is null or old.team_id in (select private.my_teams('create')))),
        false
    ) then
        raise exception 'this row of %.% may not be moved by you', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'Ask its owner, or an admin of its team.';
    end if;
    if new.team_id is distinct from old.team_id
        and new.team_id is not null
        and new.team_id not in (select private.my_teams('create')) then
        raise exception 'rows of %.% may not be moved there by you', tg_table_schema, tg_table_name
            using errcode = 'insufficient_privilege', hint = 'The target team must let you create.';
    end if;
    return new;
end
$$;
comment on function private.keep_place() is
    'Lets only the owner, or a role with the given permission, move a row to another team or project.';

create or replace function private.keep_reference_visible() returns trigger
language plpgsql set search_path = '' as $$
declare
    target_table constant pg_catalog.text := tg_argv[0];
    target_id constant pg_catalog.uuid := to_jsonb(new) ->> tg_argv[1];
    is_visible pg_catalog.bool;
begin
    if target_id is null or not row_security_active(tg_relid) then
        return new;
    end if;
    -- Runs as the caller, so a row that he may not see is the same as one that is not there.
    execute format('select exists (select from public.%I where id = $1)', target_table) into is_visible using target_id;
    if not is_visible then
        raise exception '%.% names a row that you cannot see', tg_table_name, tg_argv[1]
            using errcode = 'insufficient_privilege', hint = 'Name a row that a SELECT returns to you.';
    end if;
    return new;
end
$$;
comment on function private.keep_reference_visible() is
    'Refuses a changed reference to a row that the caller cannot see; unchanged ones may point anywhere.';

create or replace function private.own_new_team() returns trigger
language plpgsql security definer set search_path = '' as $$
begin
    insert into public.user_team_membership (user_id, team_id, role_id, created_by)
    select new.created_by, new.id, role.id, new.created_by
    from public.team_roles as role
    where role.name = 'owner'
    on conflict do nothing;
    return null;
end
$$;
comment on function private.own_new_team() is 'Makes the creator of a team its first owner.';

create or replace function private.keep_last_owner() returns trigger
language plpgsql security definer set search_path = '' as $$
declare
    owner_role constant pg_catalog.uuid := (select role.id from public.team_roles as role where role.name = 'owner');
begin
    if old.role_id is distinct from owner_role then
        return null;
    end if;
    -- Two owners who leave at once meet at this row: the second waits, then counts, or fails to serialize.
    update public.teams set updated_at = now() where id = old.team_id;
    if not found then
        return null;
    end if;
    -- An account may always be deleted; the service role then names the next owner.
    if not exists (select from auth.users where id = old.user_id) then
        return null;
    end if;
    if not exists (
        select from public.user_team_membership where team_id = old.team_id and role_id = owner_role
    ) then
        raise exception 'team % would be left without an owner', old.team_id
            using errcode = 'check_violation', hint = 'Make somebody else owner first, or delete the team.';
    end if;
    return null;
end
$$;
comment on function private.keep_last_owner() is 'Refuses to take the last owner from a team that stays.';

revoke all on all functions in schema private from public, anon, authenticated;

grant usage on schema private to authenticated;
grant execute on function private.my_teams(text), private.my_shared(text, text), private.my_shared_projects(),
    private.my_controlled_shares(), private.my_grants(), private.my_teammates() to authenticated;

alter table public.projects enable row level security;
alter table public.projects force row level security;
create policy projects_select on public.projects for select to authenticated using (
    created_by = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
    or id = any (array(select private.my_shared('project', 'view')))
);
create policy projects_insert on public.projects for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        team_id is null
        or team_id = any (array(select private.my_teams('create')))
    )
);
create policy projects_update on public.projects for update to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('project', 'update')))
) with check (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('project', 'update')))
);
create policy projects_delete on public.projects for delete to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('delete')))
);
revoke all on public.projects from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.projects to service_role;
grant select, delete on public.projects to authenticated;
grant insert (team_id, name, description, created_by) on public.projects to authenticated;
grant update (team_id, name, description) on public.projects to authenticated;
create trigger projects_created_by before update on public.projects
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger projects_team before update on public.projects
for each row when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete');

alter table public.molecules enable row level security;
alter table public.molecules force row level security;
create policy molecules_select on public.molecules for select to authenticated using (
    created_by = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
    or id = any (array(select private.my_shared('molecule', 'view')))
    or (
        project_id = any (array(select opened.project_id from private.my_shared_projects() as opened))
        and (project_id, coalesce(team_id, created_by)) in (
            select opened.project_id, opened.holder_id from private.my_shared_projects() as opened
        )
    )
);
create policy molecules_insert on public.molecules for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        team_id is null
        or team_id = any (array(select private.my_teams('create')))
    )
    and (
        molecules.project_id is null
        or exists (
            select from public.projects as target
            where target.id = molecules.project_id
        )
    )
);
create policy molecules_update on public.molecules for update to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('molecule', 'update')))
) with check (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('molecule', 'update')))
);
create policy molecules_delete on public.molecules for delete to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('delete')))
);
revoke all on public.molecules from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.molecules to service_role;
grant select, delete on public.molecules to authenticated;
grant insert (project_id, team_id, name, smiles, inchikey, molecular_formula, cid,
    created_by) on public.molecules to authenticated;
grant update (project_id, team_id, name, smiles, inchikey, molecular_formula,
    cid) on public.molecules to authenticated;
create trigger molecules_created_by before update on public.molecules
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger molecules_team before update on public.molecules
for each row when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete');
create trigger molecules_project before update on public.molecules
for each row when (new.project_id is distinct from old.project_id) execute function private.keep_place('update');
create trigger molecules_project_id_visible before update on public.molecules
for each row when (new.project_id is distinct from old.project_id)
execute function private.keep_reference_visible('projects', 'project_id');

alter table public.mixtures enable row level security;
alter table public.mixtures force row level security;
create policy mixtures_select on public.mixtures for select to authenticated using (
    created_by = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
    or id = any (array(select private.my_shared('mixture', 'view')))
    or (
        project_id = any (array(select opened.project_id from private.my_shared_projects() as opened))
        and (project_id, coalesce(team_id, created_by)) in (
            select opened.project_id, opened.holder_id from private.my_shared_projects() as opened
        )
    )
);
create policy mixtures_insert on public.mixtures for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        team_id is null
        or team_id = any (array(select private.my_teams('create')))
    )
    and (
        mixtures.project_id is null
        or exists (
            select from public.projects as target
            where target.id = mixtures.project_id
        )
    )
);
create policy mixtures_update on public.mixtures for update to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('mixture', 'update')))
) with check (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('mixture', 'update')))
);
create policy mixtures_delete on public.mixtures for delete to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('delete')))
);
revoke all on public.mixtures from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.mixtures to service_role;
grant select, delete on public.mixtures to authenticated;
grant insert (project_id, team_id, name, description, created_by) on public.mixtures to authenticated;
grant update (project_id, team_id, name, description) on public.mixtures to authenticated;
create trigger mixtures_created_by before update on public.mixtures
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger mixtures_team before update on public.mixtures
for each row when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete');
create trigger mixtures_project before update on public.mixtures
for each row when (new.project_id is distinct from old.project_id) execute function private.keep_place('update');
create trigger mixtures_project_id_visible before update on public.mixtures
for each row when (new.project_id is distinct from old.project_id)
execute function private.keep_reference_visible('projects', 'project_id');

alter table public.experiments enable row level security;
alter table public.experiments force row level security;
create policy experiments_select on public.experiments for select to authenticated using (
    created_by = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
    or id = any (array(select private.my_shared('experiment', 'view')))
    or (
        project_id = any (array(select opened.project_id from private.my_shared_projects() as opened))
        and (project_id, coalesce(team_id, created_by)) in (
            select opened.project_id, opened.holder_id from private.my_shared_projects() as opened
        )
    )
);
create policy experiments_insert on public.experiments for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        team_id is null
        or team_id = any (array(select private.my_teams('create')))
    )
    and (
        experiments.project_id is null
        or exists (
            select from public.projects as target
            where target.id = experiments.project_id
        )
    )
    and (
        experiments.mixture_id is null
        or exists (
            select from public.mixtures as target
            where target.id = experiments.mixture_id
        )
    )
    and (
        experiments.molecule_id is null
        or exists (
            select from public.molecules as target
            where target.id = experiments.molecule_id
        )
    )
);
create policy experiments_update on public.experiments for update to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('experiment', 'update')))
) with check (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
    or id = any (array(select private.my_shared('experiment', 'update')))
);
create policy experiments_delete on public.experiments for delete to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('delete')))
);
revoke all on public.experiments from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.experiments to service_role;
grant select, delete on public.experiments to authenticated;
grant insert (project_id, team_id, mixture_id, molecule_id, name, protocol, status, performed_at,
    created_by) on public.experiments to authenticated;
grant update (project_id, team_id, mixture_id, molecule_id, name, protocol, status,
    performed_at) on public.experiments to authenticated;
create trigger experiments_created_by before update on public.experiments
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger experiments_team before update on public.experiments
for each row when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete');
create trigger experiments_project before update on public.experiments
for each row when (new.project_id is distinct from old.project_id) execute function private.keep_place('update');
create trigger experiments_project_id_visible before update on public.experiments
for each row when (new.project_id is distinct from old.project_id)
execute function private.keep_reference_visible('projects', 'project_id');
create trigger experiments_mixture_id_visible before update on public.experiments
for each row when (new.mixture_id is distinct from old.mixture_id)
execute function private.keep_reference_visible('mixtures', 'mixture_id');
create trigger experiments_molecule_id_visible before update on public.experiments
for each row when (new.molecule_id is distinct from old.molecule_id)
execute function private.keep_reference_visible('molecules', 'molecule_id');

alter table public.predictions enable row level security;
alter table public.predictions force row level security;
create policy predictions_select on public.predictions for select to authenticated using (
    created_by = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
);
create policy predictions_insert on public.predictions for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        team_id is null
        or team_id = any (array(select private.my_teams('create')))
    )
    and (
        predictions.molecule_id is null
        or exists (
            select from public.molecules as target
            where target.id = predictions.molecule_id
        )
    )
    and (
        predictions.mixture_id is null
        or exists (
            select from public.mixtures as target
            where target.id = predictions.mixture_id
        )
    )
);
create policy predictions_update on public.predictions for update to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
) with check (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('update')))
);
create policy predictions_delete on public.predictions for delete to authenticated using (
    (
        created_by = (select auth.uid())
        and (
            team_id is null
            or team_id = any (array(select private.my_teams('create')))
        )
    )
    or team_id = any (array(select private.my_teams('delete')))
);
revoke all on public.predictions from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.predictions to service_role;
grant select, delete on public.predictions to authenticated;
grant insert (model_version_id, team_id, molecule_id, mixture_id, target, unit, prediction, lower_bound, upper_bound,
    confidence_level, in_domain, created_by) on public.predictions to authenticated;
grant update (team_id, target, unit, prediction, lower_bound, upper_bound, confidence_level,
    in_domain) on public.predictions to authenticated;
create trigger predictions_created_by before update on public.predictions
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger predictions_team before update on public.predictions
for each row when (new.team_id is distinct from old.team_id) execute function private.keep_place('delete');

alter table public.mixture_components enable row level security;
alter table public.mixture_components force row level security;
create policy mixture_components_select on public.mixture_components for select to authenticated using (
    exists (
        select from public.mixtures as parent
        where parent.id = mixture_components.mixture_id
    )
);
create policy mixture_components_insert on public.mixture_components for insert to authenticated with check (
    created_by = (select auth.uid())
    and exists (
        select from public.mixtures as parent
        where parent.id = mixture_components.mixture_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('mixture', 'update')))
            )
    )
    and (
        mixture_components.molecule_id is null
        or exists (
            select from public.molecules as target
            where target.id = mixture_components.molecule_id
        )
    )
);
create policy mixture_components_update on public.mixture_components for update to authenticated using (
    exists (
        select from public.mixtures as parent
        where parent.id = mixture_components.mixture_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('mixture', 'update')))
            )
    )
) with check (
    exists (
        select from public.mixtures as parent
        where parent.id = mixture_components.mixture_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('mixture', 'update')))
            )
    )
);
create policy mixture_components_delete on public.mixture_components for delete to authenticated using (
    exists (
        select from public.mixtures as parent
        where parent.id = mixture_components.mixture_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('mixture', 'update')))
            )
    )
);
revoke all on public.mixture_components from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.mixture_components to service_role;
grant select, delete on public.mixture_components to authenticated;
grant insert (mixture_id, molecule_id, amount, amount_unit, created_by) on public.mixture_components to authenticated;
grant update (amount, amount_unit) on public.mixture_components to authenticated;
create trigger mixture_components_created_by before update on public.mixture_components
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();

alter table public.experiment_properties enable row level security;
alter table public.experiment_properties force row level security;
create policy experiment_properties_select on public.experiment_properties for select to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = experiment_properties.experiment_id
    )
);
create policy experiment_properties_insert on public.experiment_properties for insert to authenticated with check (
    created_by = (select auth.uid())
    and exists (
        select from public.experiments as parent
        where parent.id = experiment_properties.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('experiment', 'update')))
            )
    )
);
create policy experiment_properties_update on public.experiment_properties for update to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = experiment_properties.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('experiment', 'update')))
            )
    )
) with check (
    exists (
        select from public.experiments as parent
        where parent.id = experiment_properties.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('experiment', 'update')))
            )
    )
);
create policy experiment_properties_delete on public.experiment_properties for delete to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = experiment_properties.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update')))
                or parent.id = any (array(select private.my_shared('experiment', 'update')))
            )
    )
);
revoke all on public.experiment_properties from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.experiment_properties to service_role;
grant select, delete on public.experiment_properties to authenticated;
grant insert (experiment_id, name, numeric_value, text_value, unit, uncertainty,
    created_by) on public.experiment_properties to authenticated;
grant update (name, numeric_value, text_value, unit, uncertainty) on public.experiment_properties to authenticated;
create trigger experiment_properties_created_by before update on public.experiment_properties
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();

alter table public.lab_verifications enable row level security;
alter table public.lab_verifications force row level security;
create policy lab_verifications_select on public.lab_verifications for select to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = lab_verifications.experiment_id
            and (
                lab_verifications.verifier = (select auth.uid())
                or (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('view_verifications')))
            )
    )
);
create policy lab_verifications_insert on public.lab_verifications for insert to authenticated with check (
    created_by = (select auth.uid())
    and exists (
        select from public.experiments as parent
        where parent.id = lab_verifications.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update_verifications')))
            )
    )
);
create policy lab_verifications_update on public.lab_verifications for update to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = lab_verifications.experiment_id
            and (
                lab_verifications.verifier = (select auth.uid())
                or (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update_verifications')))
            )
    )
) with check (
    exists (
        select from public.experiments as parent
        where parent.id = lab_verifications.experiment_id
            and (
                lab_verifications.verifier = (select auth.uid())
                or (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update_verifications')))
            )
    )
);
create policy lab_verifications_delete on public.lab_verifications for delete to authenticated using (
    exists (
        select from public.experiments as parent
        where parent.id = lab_verifications.experiment_id
            and (
                (
                    parent.created_by = (select auth.uid())
                    and (
                        parent.team_id is null
                        or parent.team_id = any (array(select private.my_teams('create')))
                    )
                )
                or parent.team_id = any (array(select private.my_teams('update_verifications')))
            )
    )
);
revoke all on public.lab_verifications from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.lab_verifications to service_role;
grant select, delete on public.lab_verifications to authenticated;
grant insert (experiment_id, verification_status, verifier, equipment_used, comments,
    created_by) on public.lab_verifications to authenticated;
grant update (verification_status, verifier, equipment_used, comments) on public.lab_verifications to authenticated;
create trigger lab_verifications_created_by before update on public.lab_verifications
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();

alter table public.shared_content enable row level security;
alter table public.shared_content force row level security;
create policy shared_content_select on public.shared_content for select to authenticated using (
    created_by = (select auth.uid())
    or shared_with_user_id = (select auth.uid())
    or shared_with_team_id = any (array(select private.my_teams('view')))
    or id = any (array(select private.my_controlled_shares()))
);
create policy shared_content_insert on public.shared_content for insert to authenticated with check (
    created_by = (select auth.uid())
    and (
        shared_content.project_id is null
        or exists (
            select from public.projects as item
            where item.id = shared_content.project_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.molecule_id is null
        or exists (
            select from public.molecules as item
            where item.id = shared_content.molecule_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.mixture_id is null
        or exists (
            select from public.mixtures as item
            where item.id = shared_content.mixture_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.experiment_id is null
        or exists (
            select from public.experiments as item
            where item.id = shared_content.experiment_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.shared_with_team_id is null
        or exists (
            select from public.teams as target
            where target.id = shared_content.shared_with_team_id
        )
    )
);
create policy shared_content_update on public.shared_content for update to authenticated using (
    id = any (array(select private.my_controlled_shares()))
) with check (
    (
        shared_content.project_id is null
        or exists (
            select from public.projects as item
            where item.id = shared_content.project_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.molecule_id is null
        or exists (
            select from public.molecules as item
            where item.id = shared_content.molecule_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.mixture_id is null
        or exists (
            select from public.mixtures as item
            where item.id = shared_content.mixture_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
    and (
        shared_content.experiment_id is null
        or exists (
            select from public.experiments as item
            where item.id = shared_content.experiment_id
                and (
                    (
                        item.created_by = (select auth.uid())
                        and (
                            item.team_id is null
                            or item.team_id = any (array(select private.my_teams('create')))
                        )
                    )
                    or item.team_id = any (array(select private.my_teams('update')))
                )
        )
    )
);
create policy shared_content_delete on public.shared_content for delete to authenticated using (
    created_by = (select auth.uid())
    or id = any (array(select private.my_controlled_shares()))
);
revoke all on public.shared_content from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.shared_content to service_role;
grant select, delete on public.shared_content to authenticated;
grant insert (project_id, molecule_id, mixture_id, experiment_id, shared_with_user_id, shared_with_team_id,
    can_update, created_by) on public.shared_content to authenticated;
grant update (can_update) on public.shared_content to authenticated;
create trigger shared_content_created_by before update on public.shared_content
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();

alter table public.teams enable row level security;
alter table public.teams force row level security;
create policy teams_select on public.teams for select to authenticated using (
    created_by = (select auth.uid())
    or id = any (array(select private.my_teams('view')))
);
create policy teams_insert on public.teams for insert to authenticated with check (
    created_by = (select auth.uid())
);
create policy teams_update on public.teams for update to authenticated using (
    id = any (array(select private.my_teams('manage_members')))
) with check (
    id = any (array(select private.my_teams('manage_members')))
);
create policy teams_delete on public.teams for delete to authenticated using (
    id = any (array(select private.my_teams('own')))
);
revoke all on public.teams from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.teams to service_role;
grant select, delete on public.teams to authenticated;
grant insert (name, description, created_by) on public.teams to authenticated;
grant update (name, description) on public.teams to authenticated;
create trigger teams_created_by before update on public.teams
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger teams_owner after insert on public.teams
for each row when (new.created_by is not null) execute function private.own_new_team();

alter table public.user_team_membership enable row level security;
alter table public.user_team_membership force row level security;
create policy user_team_membership_select on public.user_team_membership for select to authenticated using (
    user_id = (select auth.uid())
    or team_id = any (array(select private.my_teams('view')))
);
create policy user_team_membership_insert on public.user_team_membership for insert to authenticated with check (
    created_by = (select auth.uid())
    and user_id <> (select auth.uid())
    and (team_id, role_id) in (select allowed.team_id, allowed.role_id from private.my_grants() as allowed)
);
create policy user_team_membership_update on public.user_team_membership for update to authenticated using (
    user_id <> (select auth.uid())
    and (team_id, role_id) in (select allowed.team_id, allowed.role_id from private.my_grants() as allowed)
) with check (
    user_id <> (select auth.uid())
    and (team_id, role_id) in (select allowed.team_id, allowed.role_id from private.my_grants() as allowed)
);
create policy user_team_membership_delete on public.user_team_membership for delete to authenticated using (
    user_id = (select auth.uid())
    or (team_id, role_id) in (select allowed.team_id, allowed.role_id from private.my_grants() as allowed)
);
revoke all on public.user_team_membership from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.user_team_membership to service_role;
grant select, delete on public.user_team_membership to authenticated;
grant insert (user_id, team_id, role_id, created_by) on public.user_team_membership to authenticated;
grant update (role_id) on public.user_team_membership to authenticated;
create trigger user_team_membership_created_by before update on public.user_team_membership
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();
create trigger user_team_membership_last_owner after update or delete on public.user_team_membership
for each row execute function private.keep_last_owner();

alter table public.user_profiles enable row level security;
alter table public.user_profiles force row level security;
create policy user_profiles_select on public.user_profiles for select to authenticated using (
    user_id = (select auth.uid())
    or user_id = any (array(select private.my_teammates()))
);
create policy user_profiles_insert on public.user_profiles for insert to authenticated with check (
    user_id = (select auth.uid())
);
create policy user_profiles_update on public.user_profiles for update to authenticated using (
    user_id = (select auth.uid())
) with check (
    user_id = (select auth.uid())
);
create policy user_profiles_delete on public.user_profiles for delete to authenticated using (
    user_id = (select auth.uid())
);
revoke all on public.user_profiles from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.user_profiles to service_role;
grant select, delete on public.user_profiles to authenticated;
grant insert (user_id, display_name, affiliation) on public.user_profiles to authenticated;
grant update (display_name, affiliation) on public.user_profiles to authenticated;

alter table public.training_jobs enable row level security;
alter table public.training_jobs force row level security;
create policy training_jobs_select on public.training_jobs for select to authenticated using (
    created_by = (select auth.uid())
);
create policy training_jobs_insert on public.training_jobs for insert to authenticated with check (
    created_by = (select auth.uid())
);
create policy training_jobs_update on public.training_jobs for update to authenticated using (
    created_by = (select auth.uid())
) with check (
    created_by = (select auth.uid())
);
create policy training_jobs_delete on public.training_jobs for delete to authenticated using (
    created_by = (select auth.uid())
);
revoke all on public.training_jobs from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.training_jobs to service_role;
grant select, delete on public.training_jobs to authenticated;
grant insert (model_name, parameters, created_by) on public.training_jobs to authenticated;
grant update (model_name, parameters, status) on public.training_jobs to authenticated;
create trigger training_jobs_created_by before update on public.training_jobs
for each row when (new.created_by is distinct from old.created_by) execute function private.keep_created_by();

alter table public.team_roles enable row level security;
alter table public.team_roles force row level security;
create policy team_roles_select on public.team_roles for select to authenticated using (
    (select auth.uid()) is not null
);
create policy team_roles_insert on public.team_roles for insert to authenticated with check (
    false
);
create policy team_roles_update on public.team_roles for update to authenticated using (
    false
) with check (
    false
);
create policy team_roles_delete on public.team_roles for delete to authenticated using (
    false
);
revoke all on public.team_roles from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.team_roles to service_role;
grant select on public.team_roles to authenticated;

alter table public.model_versions enable row level security;
alter table public.model_versions force row level security;
create policy model_versions_select on public.model_versions for select to authenticated using (
    (select auth.uid()) is not null
);
create policy model_versions_insert on public.model_versions for insert to authenticated with check (
    false
);
create policy model_versions_update on public.model_versions for update to authenticated using (
    false
) with check (
    false
);
create policy model_versions_delete on public.model_versions for delete to authenticated using (
    false
);
revoke all on public.model_versions from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.model_versions to service_role;
grant select on public.model_versions to authenticated;

alter table public.audit_log enable row level security;
alter table public.audit_log force row level security;
create policy audit_log_select on public.audit_log for select to authenticated using (
    false
);
create policy audit_log_insert on public.audit_log for insert to authenticated with check (
    false
);
create policy audit_log_update on public.audit_log for update to authenticated using (
    false
) with check (
    false
);
create policy audit_log_delete on public.audit_log for delete to authenticated using (
    false
);
revoke all on public.audit_log from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.audit_log to service_role;

alter table public.health_reports enable row level security;
alter table public.health_reports force row level security;
create policy health_reports_select on public.health_reports for select to authenticated using (
    false
);
create policy health_reports_insert on public.health_reports for insert to authenticated with check (
    false
);
create policy health_reports_update on public.health_reports for update to authenticated using (
    false
) with check (
    false
);
create policy health_reports_delete on public.health_reports for delete to authenticated using (
    false
);
revoke all on public.health_reports from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.health_reports to service_role;

alter table public.backup_catalogue enable row level security;
alter table public.backup_catalogue force row level security;
create policy backup_catalogue_select on public.backup_catalogue for select to authenticated using (
    false
);
create policy backup_catalogue_insert on public.backup_catalogue for insert to authenticated with check (
    false
);
create policy backup_catalogue_update on public.backup_catalogue for update to authenticated using (
    false
) with check (
    false
);
create policy backup_catalogue_delete on public.backup_catalogue for delete to authenticated using (
    false
);
revoke all on public.backup_catalogue from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.backup_catalogue to service_role;

alter table public.release_history enable row level security;
alter table public.release_history force row level security;
create policy release_history_select on public.release_history for select to authenticated using (
    false
);
create policy release_history_insert on public.release_history for insert to authenticated with check (
    false
);
create policy release_history_update on public.release_history for update to authenticated using (
    false
) with check (
    false
);
create policy release_history_delete on public.release_history for delete to authenticated using (
    false
);
revoke all on public.release_history from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.release_history to service_role;

alter table public.feature_flags enable row level security;
alter table public.feature_flags force row level security;
create policy feature_flags_select on public.feature_flags for select to authenticated using (
    false
);
create policy feature_flags_insert on public.feature_flags for insert to authenticated with check (
    false
);
create policy feature_flags_update on public.feature_flags for update to authenticated using (
    false
) with check (
    false
);
create policy feature_flags_delete on public.feature_flags for delete to authenticated using (
    false
);
revoke all on public.feature_flags from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.feature_flags to service_role;

alter table public.feature_flag_overrides enable row level security;
alter table public.feature_flag_overrides force row level security;
create policy feature_flag_overrides_select on public.feature_flag_overrides for select to authenticated using (
    false
);
create policy feature_flag_overrides_insert on public.feature_flag_overrides for insert to authenticated with check (
    false
);
create policy feature_flag_overrides_update on public.feature_flag_overrides for update to authenticated using (
    false
) with check (
    false
);
create policy feature_flag_overrides_delete on public.feature_flag_overrides for delete to authenticated using (
    false
);
revoke all on public.feature_flag_overrides from public, anon, authenticated, service_role;
grant select, insert, update, delete on public.feature_flag_overrides to service_role;
-- policies: end
