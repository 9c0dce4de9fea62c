-- What an adoption left in place although no migration declares it.
create table if not exists cryo.adopted_objects (
    kind text not null,
    name text not null,
    reason text not null check (reason <> ''),
    adopted_at timestamptz not null default now(),
    primary key (kind, name)
);

comment on table cryo.adopted_objects is 'What was there before the runner and stays; `verify` tolerates exactly these.';
