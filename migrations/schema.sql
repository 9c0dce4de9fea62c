-- The schema of a CryoProtect database on plain PostgreSQL, as all migrations together must leave it.
-- Tests load this file and the migrations into two databases and compare them fact by fact; change both together.
-- On Supabase the first section is Supabase's own.

do $$
declare
    api_role text;
begin
    foreach api_role in array array['anon', 'authenticated', 'service_role', 'authenticator'] loop
        if not exists (select from pg_roles where rolname = api_role) then
            execute format('create role %I nologin noinherit', api_role);
        end if;
    end loop;
end
$$;
alter role service_role bypassrls;
grant anon, authenticated, service_role to authenticator;

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
    smiles text not null check (smiles <> ''),
    inchikey text check (inchikey ~ '^[A-Z]{14}-[A-Z]{10}-[A-Z]$'),
    molecular_formula text,
    cid bigint check (cid > 0),
    created_by uuid default auth.uid() references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now()
);
comment on table public.molecules is 'A compound; the same compound may exist once per team, so nothing here is unique across teams.';
comment on column public.molecules.cid is 'PubChem compound number.';
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
    request_id text
);
comment on table public.audit_log is 'Who changed what; actor has no foreign key, so that an entry outlives its person.';
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
    constraint backup_catalogue_order_check check (finished_at >= started_at)
);
comment on table public.backup_catalogue is 'Every backup, what it holds and how far it was proven.';
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
