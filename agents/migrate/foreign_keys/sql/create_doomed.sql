-- Rows that the current batch removes: depth 0 by themselves, deeper ones by a cascade; emptied by every commit.
create temporary table if not exists cryo_doomed (
    table_oid oid not null,
    row_address tid not null,
    depth integer not null,
    cascade_number integer,
    primary key (table_oid, row_address)
) on commit delete rows
