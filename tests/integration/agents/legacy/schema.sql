-- The shape of a CryoProtect v2 database, with the faults that years of hand-made changes leave behind.
-- Own writing after the published migrations 001 to 018: uuid keys, free units, open policies, polymorphic shares.

create extension if not exists "uuid-ossp" with schema public;

create schema auth;
create table auth.users (
    id uuid primary key default public.uuid_generate_v4(),
    email varchar(255),
    raw_user_meta_data jsonb
);
create function auth.uid() returns uuid language sql stable as $$
    select nullif(current_setting('request.jwt.claim.sub', true), '')::uuid
$$;
create function auth.role() returns text language sql stable as $$
    select nullif(current_setting('request.jwt.claim.role', true), '')
$$;

do $$
declare
    api_role text;
begin
    foreach api_role in array array['anon', 'authenticated', 'service_role'] loop
        if not exists (select from pg_roles where rolname = api_role) then
            execute format('create role %I nologin noinherit', api_role);
        end if;
    end loop;
exception
    when duplicate_object or unique_violation then null;
end
$$;
grant usage on schema public to anon, authenticated, service_role;
alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
alter default privileges in schema public grant all on sequences to anon, authenticated, service_role;

create function public.trigger_set_timestamp() returns trigger language plpgsql as $$
begin
    -- every table of v2 has one
    NEW.updated_at = NOW();
    return NEW;
end;
$$;

create table public.molecules (
    id uuid primary key default uuid_generate_v4(),
    cid integer not null unique,
    name varchar(255),
    molecular_formula varchar(100),
    smiles text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid,
    pubchem_link text generated always as ('https://pubchem.ncbi.nlm.nih.gov/compound/' || cid) stored
);
create index idx_molecules_cid on public.molecules (cid);
create index idx_molecules_created_by on public.molecules (created_by);
create index idx_molecules_created_by_again on public.molecules (created_by);

create table public.property_types (
    id uuid primary key default uuid_generate_v4(),
    name text not null unique,
    units text,
    data_type text not null
);
create table public.molecular_properties (
    id uuid primary key default uuid_generate_v4(),
    molecule_id uuid not null references public.molecules (id) on delete cascade,
    property_type_id uuid not null references public.property_types (id),
    numeric_value numeric,
    unique (molecule_id, property_type_id)
);
create table public.calculation_methods (
    id uuid primary key default uuid_generate_v4(),
    name text not null unique,
    version text
);

create table public.mixtures (
    id uuid primary key default uuid_generate_v4(),
    name text,
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid references auth.users (id)
);

create table public.mixture_components (
    id uuid primary key default uuid_generate_v4(),
    mixture_id uuid not null,
    molecule_id uuid not null,
    concentration numeric(12, 4) not null,
    concentration_unit text not null,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid references auth.users (id),
    constraint components_once unique (mixture_id, molecule_id),
    constraint components_once_again unique (mixture_id, molecule_id),
    constraint components_mixture foreign key (mixture_id) references public.mixtures (id) on delete cascade,
    constraint components_mixture_again foreign key (mixture_id) references public.mixtures (id)
);
create index idx_components_mixture on public.mixture_components (mixture_id);

create table public.predictions (
    id uuid primary key default uuid_generate_v4(),
    mixture_id uuid not null references public.mixtures (id) on delete cascade,
    property_type_id uuid not null references public.property_types (id),
    calculation_method_id uuid not null references public.calculation_methods (id),
    numeric_value numeric,
    confidence numeric,
    created_at timestamptz not null default now(),
    unique (mixture_id, property_type_id, calculation_method_id)
);
create index idx_predictions_mixture_id on public.predictions (mixture_id);

create table public.experiments (
    id uuid primary key default uuid_generate_v4(),
    mixture_id uuid not null,
    property_type_id uuid not null references public.property_types (id),
    numeric_value numeric,
    experimental_conditions text,
    date_performed date,
    created_at timestamp not null default now(),
    updated_at timestamp not null default now(),
    created_by uuid
);
create index idx_experiments_property_type_id on public.experiments (property_type_id);

create table public.lab_verifications (
    id uuid primary key default gen_random_uuid(),
    experiment_id uuid not null references public.experiments (id),
    verification_status varchar(20) not null check (verification_status in ('pending', 'verified', 'rejected')),
    verifier varchar(255) not null,
    equipment_used varchar(255) not null,
    comments text,
    created_at timestamptz default now(),
    updated_at timestamptz default now()
);

-- Its key was lost in a restore; a unique index remained.
create table public.projects (
    id uuid not null default uuid_generate_v4(),
    name text not null,
    description text,
    is_public boolean default false,
    created_at timestamptz default now(),
    updated_at timestamptz default now(),
    created_by uuid
);
create unique index projects_id on public.projects (id);

create table public.teams (
    id uuid primary key default uuid_generate_v4(),
    name text not null,
    description text,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    created_by uuid
);
create table public.team_roles (
    id uuid primary key default uuid_generate_v4(),
    name varchar(50) not null,
    can_view_verifications boolean default true,
    can_update_verifications boolean default false
);
create unique index team_roles_by_name on public.team_roles (name);
create table public.user_team_membership (
    id uuid primary key default uuid_generate_v4(),
    user_id uuid not null,
    team_id uuid not null,
    role_id uuid not null,
    created_at timestamptz not null default now()
);

create table public.feature_flags (
    id serial primary key,
    name varchar(100) not null unique,
    description text,
    enabled boolean default false,
    user_ids uuid[] default '{}',
    created_at timestamp default now(),
    updated_at timestamp default now()
);

create table public.shared_items (
    id uuid primary key default uuid_generate_v4(),
    item_type text not null,
    item_id uuid not null,
    shared_with_user_id uuid,
    shared_with_team_id uuid,
    created_by uuid,
    created_at timestamptz default now()
);
create table public.shared_resources (
    id uuid primary key default uuid_generate_v4(),
    team_id uuid not null references public.teams (id) on delete cascade,
    resource_type text not null check (resource_type in ('project', 'mixture', 'experiment')),
    resource_id uuid not null,
    created_by uuid references auth.users (id) on delete set null,
    created_at timestamptz not null default now(),
    unique (team_id, resource_type, resource_id)
);
create table public.comments (
    id uuid primary key default uuid_generate_v4(),
    resource_type text not null,
    resource_id uuid not null,
    content text not null,
    parent_id uuid references public.comments (id) on delete cascade,
    created_by uuid references auth.users (id) on delete set null
);
create table public.notifications (
    id uuid primary key default uuid_generate_v4(),
    user_id uuid not null references auth.users (id) on delete cascade,
    message text not null,
    is_read boolean not null default false
);

create trigger set_timestamp_molecules before update on public.molecules
for each row execute function public.trigger_set_timestamp();
create trigger set_timestamp_mixtures before update on public.mixtures
for each row execute function public.trigger_set_timestamp();
create trigger set_timestamp_experiments before update on public.experiments
for each row execute function public.trigger_set_timestamp();
create trigger set_timestamp_teams before update on public.teams
for each row execute function public.trigger_set_timestamp();

create view public.molecule_with_properties as
select molecules.id, molecules.cid, molecules.name, molecules.pubchem_link, count(molecular_properties.id) as properties
from public.molecules
left join public.molecular_properties on molecular_properties.molecule_id = molecules.id
group by molecules.id;
comment on view public.molecule_with_properties is 'Molecules and how much is known of them.';
create view public.named_molecules as
select id, name from public.molecule_with_properties where name is not null;
create view public.open_experiments as
select id, mixture_id, created_at from public.experiments;

create function public.has_team_role(team uuid, person uuid, wanted text) returns boolean
language sql security definer as $$
    select exists (
        select from public.user_team_membership join public.team_roles on team_roles.id = role_id
        where team_id = team and user_id = person and name = wanted
    )
$$;

alter table public.molecules enable row level security;
alter table public.mixtures enable row level security;
alter table public.mixture_components enable row level security;
alter table public.experiments enable row level security;
alter table public.lab_verifications enable row level security;
create policy "Molecules are viewable by everyone" on public.molecules for select using (true);
create policy "Molecules can be found by number" on public.molecules for select using (cid > 0);
create policy "Mixtures are viewable by everyone" on public.mixtures for select using (true);
create policy "Mixtures can be managed" on public.mixtures for all using (auth.role() = 'authenticated');
create policy lab_verifications_select on public.lab_verifications for select
using (auth.uid()::text = verifier);
