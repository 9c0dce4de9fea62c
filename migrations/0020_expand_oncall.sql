-- Adds incidents of the on-call agent, the outbox of its messages, their history, and the one role that reads them.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes

do $$
begin
    if not exists (select from pg_roles where rolname = 'cryo_oncall') then
        create role cryo_oncall nologin noinherit;
    end if;
exception
    -- Roles belong to the whole cluster: another database may be making it at this moment.
    when duplicate_object or unique_violation then null;
end
$$;

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
