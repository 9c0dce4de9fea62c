-- The runner's own table; it exists before the first migration, so it is not one itself.
create schema if not exists cryo;

create table if not exists cryo.schema_migrations (
    number integer not null,
    phase text not null check (phase in ('expand', 'backfill', 'validate', 'contract')),
    name text not null,
    sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
    started_at timestamptz not null,
    finished_at timestamptz not null,
    duration_ms bigint not null check (duration_ms >= 0),
    lock_wait_ms bigint not null check (lock_wait_ms >= 0),
    attempts integer not null check (attempts >= 1),
    git_sha text not null,
    actor text not null,
    server_version integer not null,
    primary key (number, phase)
);

-- Histories of before have no such column; what they hold was applied.
alter table cryo.schema_migrations add column if not exists how text not null default 'applied'
    check (how in ('applied', 'adopted', 'baseline'));

comment on schema cryo is 'Bookkeeping of the CryoProtect platform; no user data.';
comment on table cryo.schema_migrations is 'One row per applied migration file, written in the transaction that applied it.';

revoke all on schema cryo from public;
