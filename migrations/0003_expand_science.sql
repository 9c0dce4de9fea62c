-- Adds projects, molecules, mixtures, experiments, their verification, and sharing.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

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
