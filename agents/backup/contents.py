"""What a database holds, small enough to sign and exact enough to name the table in which two databases differ.

Everything is read in one repeatable-read snapshot, set by set, in the server; see sql/tables.sql for the digest. The
digest is stable for equal values on one major version. Unlogged tables, materialised views, foreign tables and the
content of large objects are not digested: the first are empty after a crash by design, the others are derived or
elsewhere, and large objects are counted.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

import msgspec

from agents.backup.errors import BackupError
from agents.runtime.postgres import Connection, Query, as_our_error, load_queries
from agents.runtime.postgres.fingerprint import Fact, digest, read_fingerprint

_WORD = 2**64
# What decides who sees which row; `relation` carries the switches of row-level security.
_ACCESS_KINDS = ("relation", "policy", "grant", "column grant", "function grant", "usage")


class TableState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One table at one moment."""

    rows: int
    digest: str
    """128 bits as hexadecimal digits; independent of the order of the rows."""


class SequenceState(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Where a sequence stands."""

    last_value: int
    is_called: bool


class Source(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which database it is."""

    system_identifier: str
    """Written by initdb; a physical copy has the same, a dump restored elsewhere has not."""
    database: str
    server_version_num: int
    server_version: str
    encoding: str
    locale: str
    size_bytes: int
    large_objects: int

    @property
    def major(self) -> int:
        """Major version of the server."""
        return self.server_version_num // 10_000


class Contents(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What was in a database at one moment."""

    source: Source
    tables: Mapping[str, TableState]
    sequences: Mapping[str, SequenceState]
    schema_fingerprint: str
    """Name of the whole schema; see agents.runtime.postgres.fingerprint."""
    access_fingerprint: str
    """Name of its policies, force flags and grants."""
    schema_facts: Mapping[str, str]
    """Each object of the schema, as `kind name`, with the digest of what is true of it."""
    orphans: Mapping[str, int]
    """Rows whose parent is missing under a validated foreign key; only those with any."""
    migration_head: str | None
    """Newest applied migration; None without a history."""

    @property
    def rows(self) -> int:
        """Rows of all tables."""
        return sum(state.rows for state in self.tables.values())


@dataclass(frozen=True, slots=True)
class Limits:
    """How long reading may take."""

    statement_timeout_s: float = 1800.0
    """Of one statement, so of one table. Chosen: 2 microseconds a row make half an hour 900 million rows."""
    lock_timeout_s: float = 10.0
    """Waiting for a table that somebody locked exclusively. Chosen: a migration holds its locks for half a second."""


@cache
def queries() -> Mapping[str, Query]:
    """Return this agent's queries by name."""
    return load_queries("agents.backup")


@contextmanager
def snapshot(conn: Connection, limits: Limits) -> Iterator[str]:
    """Hold one read-only moment of a database; yields its name, which pg_dump and other sessions can share.

    Raises:
        DatabaseRefusedError: the role may not do it.
        DatabaseUnavailableError: the connection broke.
    """
    with (
        as_our_error("read the contents", remedy="use a role with BYPASSRLS that may read every table"),
        conn.transaction(),
    ):
        conn.execute(b"set transaction isolation level repeatable read, read only")
        conn.execute(
            queries()["pin_session"].text,
            {
                "lock_timeout_ms": str(round(limits.lock_timeout_s * 1000)),
                "statement_timeout_ms": str(round(limits.statement_timeout_s * 1000)),
            },
        )
        (name,) = _one(conn, b"select pg_export_snapshot()")
        yield str(name)


def read_contents(
    conn: Connection,
    *,
    schemas: Sequence[str] | None = None,
    on_table: Callable[[str, int, int], None] = lambda _table, _done, _total: None,
) -> Contents:
    """Read everything inside `snapshot`.

    Args:
        conn: inside `snapshot`.
        schemas: which to read; None takes all that a dump would hold.
        on_table: told the name of each table before it is read, its number from 0, and how many there are.

    Returns:
        The contents at the moment of the snapshot.
    """
    chosen = tuple(schemas) if schemas is not None else read_schemas(conn)
    named = {"schemas": list(chosen)}
    statements = _statements(conn, "tables", named)
    tables: dict[str, TableState] = {}
    for number, (table, statement) in enumerate(statements):
        on_table(table, number, len(statements))
        rows, high, low = (int(str(value)) for value in _one(conn, statement))
        tables[table] = TableState(rows=rows, digest=f"{high % _WORD:016x}{low % _WORD:016x}")
    sequences = {
        name: SequenceState(last_value=int(str(last)), is_called=bool(called))
        for name, statement in _statements(conn, "sequences", named)
        for last, called in [_one(conn, statement)]
    }
    counted = [(name, int(str(_one(conn, each)[0]))) for name, each in _statements(conn, "relations", named)]
    facts = read_fingerprint(conn, chosen)
    return Contents(
        source=read_source(conn),
        tables=tables,
        sequences=sequences,
        schema_fingerprint=digest(facts),
        access_fingerprint=digest(frozenset(fact for fact in facts if fact.kind in _ACCESS_KINDS)),
        schema_facts=_digest_objects(facts),
        orphans={name: count for name, count in counted if count},
        migration_head=_read_migration_head(conn),
    )


def read_schemas(conn: Connection) -> tuple[str, ...]:
    """Return the schemas that a dump holds."""
    return tuple(str(row[0]) for row in conn.execute(queries()["schemas"].text).fetchall())


def read_source(conn: Connection) -> Source:
    """Read which database this is."""
    identifier, database, number, version, encoding, locale, size, large = _one(conn, queries()["source"].text)
    return Source(
        system_identifier=str(identifier),
        database=str(database),
        server_version_num=int(str(number)),
        server_version=str(version),
        encoding=str(encoding),
        locale=str(locale),
        size_bytes=int(str(size)),
        large_objects=int(str(large)),
    )


def _statements(conn: Connection, query: str, parameters: Mapping[str, object]) -> list[tuple[str, bytes]]:
    rows = conn.execute(queries()[query].text, parameters).fetchall()
    return [(str(name), str(statement).encode()) for name, statement in rows]


def _one(conn: Connection, statement: bytes) -> tuple[object, ...]:
    row = conn.execute(statement).fetchone()
    if row is None:
        message = "the server answered a question about its contents without a row; see its log"
        raise BackupError(message)
    return row


def _digest_objects(facts: frozenset[Fact]) -> dict[str, str]:
    texts: dict[str, list[str]] = {}
    for fact in sorted(facts):
        texts.setdefault(f"{fact.kind} {fact.object_name}", []).append(fact.text)
    return {name: hashlib.sha256("\n".join(each).encode()).hexdigest()[:16] for name, each in texts.items()}


def _read_migration_head(conn: Connection) -> str | None:
    exists = conn.execute(queries()["migration_history_exists"].text).fetchone()
    if exists is None or exists[0] is not True:
        return None
    row = conn.execute(queries()["migration_head"].text).fetchone()
    return None if row is None else str(row[0])
