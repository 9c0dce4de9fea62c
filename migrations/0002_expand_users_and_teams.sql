-- Adds people, teams, what a role may do, and who belongs where.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

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
