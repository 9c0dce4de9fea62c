"""Rows that an adoption adds: those that a migration inserts, and shares that are written another way here."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from psycopg import sql
from psycopg.types.json import Jsonb

from agents.migrate.adopt.actions import Action, Step, code
from agents.migrate.adopt.legacy import LegacyRules
from agents.migrate.adopt.shape import Shape, load_adopt_sql
from agents.runtime.postgres import Connection


@dataclass(frozen=True, slots=True)
class SeedRows:
    """Rows of a table in the scratch database, as JSON objects."""

    table: str
    key: str
    rows: tuple[dict[str, object], ...]


def read_seeds(scratch: Connection, rules: LegacyRules) -> tuple[SeedRows, ...]:
    """Read what the migrations inserted into an empty database."""
    found = []
    for seed in rules.seeds:
        query = sql.SQL("select to_jsonb(seed) from {} as seed").format(_name(seed.table))
        rows = tuple(dict(row[0]) for row in scratch.execute(query) if isinstance(row[0], dict))
        found.append(SeedRows(seed.table, seed.key, rows))
    return tuple(found)


def plan_seeds(conn: Connection, seeds: Sequence[SeedRows], live: Shape) -> Iterator[Action]:
    """Say which of those rows are missing; a table that is still to be made has none of them."""
    for seed in seeds:
        have = _read_keys(conn, seed) if seed.table in live.tables else set()
        for row in seed.rows:
            if row[seed.key] in have:
                continue
            statement = sql.SQL(
                "insert into {table} ({columns}) "
                "select {values} from jsonb_populate_record(null::{table}, {row}) as new"
            ).format(
                table=_name(seed.table),
                columns=sql.SQL(", ").join(sql.Identifier(name) for name in row),
                values=sql.SQL(", ").join(sql.Identifier("new", name) for name in row),
                row=sql.Literal(Jsonb(row)),
            )
            yield Action(Step.SEED, f"{seed.table} {row[seed.key]}", "a row that every database has", (statement,), 1)


def plan_copies(conn: Connection, rules: LegacyRules, live: Shape) -> Iterator[Action]:
    """Say which shares are still to be copied."""
    for copy in rules.copies:
        source = live.tables.get(copy.source)
        if source is None or any(source.column(name) is None for name in copy.needs):
            continue
        rows = code(load_adopt_sql(copy.sql).decode())
        count = source.estimated_rows
        if all(name in live.tables for name in (copy.into, *copy.reads)):
            counted = conn.execute(sql.SQL("select count(*) from ({}) as pending").format(rows)).fetchone()
            count = int(str(counted[0])) if counted else 0
            if count == 0:
                continue
        columns = sql.SQL(", ").join(sql.Identifier(name) for name in copy.columns)
        statement = sql.SQL("insert into {} ({}) {}").format(_name(copy.into), columns, rows)
        yield Action(Step.COPY, f"{copy.source} -> {copy.into}", copy.because, (statement,), count)


def _read_keys(conn: Connection, seed: SeedRows) -> set[object]:
    query = sql.SQL("select {} from {}").format(sql.Identifier(seed.key), _name(seed.table))
    return {row[0] for row in conn.execute(query)}


def _name(table: str) -> sql.Identifier:
    schema, _, name = table.partition(".")
    return sql.Identifier(schema, name)
