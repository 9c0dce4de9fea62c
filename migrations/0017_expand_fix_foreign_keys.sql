-- Adds the table that keeps rows whose relations cannot be repaired, so that repairing never loses one.
-- @lock-budget-ms 500
-- @server 15
-- @transaction yes
-- @follows 0007

create table private.quarantined_rows (
    id bigint generated always as identity primary key,
    relation text not null check (relation <> ''),
    table_name text not null check (table_name <> ''),
    row_key text not null,
    row_data jsonb not null,
    reason text not null check (reason <> ''),
    quarantined_at timestamptz not null default now(),
    migration text not null check (migration <> '')
);
comment on table private.quarantined_rows is 'Rows that pointed at nothing, whole, as they were when they were taken out, and why.';
comment on column private.quarantined_rows.relation is 'Foreign key that the row broke, or by which it would have been deleted with its parent.';
comment on column private.quarantined_rows.row_key is 'Primary key as a JSON object; {} for a table without one.';
comment on column private.quarantined_rows.row_data is 'The row; jsonb_populate_record turns it back into one.';
create index quarantined_rows_relation_idx on private.quarantined_rows (relation, quarantined_at);

-- These rows carry data of every team; nobody reads them through the API, not even its service role.
revoke all on private.quarantined_rows from public, anon, authenticated, service_role;
