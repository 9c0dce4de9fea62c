-- Adds model versions, the jobs that train them, and their predictions.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

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
