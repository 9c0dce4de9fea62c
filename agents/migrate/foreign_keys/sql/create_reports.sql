-- What each applied run found and did; created by the engine, because it is bookkeeping and no part of the schema.
create table if not exists cryo.foreign_key_reports (
    id bigint generated always as identity primary key,
    migration text not null check (migration <> ''),
    status text not null check (status in ('running', 'done', 'failed')),
    started_at timestamptz not null,
    finished_at timestamptz,
    git_sha text not null,
    backup text not null,
    report jsonb not null
);

comment on table cryo.foreign_key_reports is 'One row per run of the foreign-keys engine; a row that stays running was killed.';
