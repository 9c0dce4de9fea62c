-- Adds what the agents write down: audit log, health reports, backups, releases; and feature flags.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

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
