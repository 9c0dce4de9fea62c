"""The schema as a set of facts, so that two databases can be compared and a difference can be named."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

from agents.runtime.postgres.connection import Connection

SCHEMAS = ("public", "auth", "private")


@dataclass(frozen=True, slots=True, order=True)
class Fact:
    """One thing that is true of a schema."""

    kind: str
    object_name: str
    text: str


def read_fingerprint(conn: Connection, schemas: Sequence[str] = SCHEMAS) -> frozenset[Fact]:
    """Read every fact about the given schemas."""
    # With an empty search path every name in a definition carries its schema, whatever the database's own setting is.
    with conn.transaction():
        conn.execute(b"set local search_path = ''")
        rows = conn.execute(_load_sql(), {"schemas": list(schemas)}).fetchall()
    return frozenset(Fact(str(row[0]), str(row[1]), str(row[2])) for row in rows)


def digest(facts: frozenset[Fact]) -> str:
    """Return a short name for a schema; equal schemas on the same server version have equal names."""
    lines = "\n".join(f"{fact.kind}\t{fact.object_name}\t{fact.text}" for fact in sorted(facts))
    return hashlib.sha256(lines.encode()).hexdigest()


def compare(expected: frozenset[Fact], actual: frozenset[Fact]) -> tuple[str, ...]:
    """Name every difference; empty when the schemas are equal."""
    missing = [f"missing {fact.kind} {fact.object_name}: {fact.text}" for fact in sorted(expected - actual)]
    surplus = [f"unexpected {fact.kind} {fact.object_name}: {fact.text}" for fact in sorted(actual - expected)]
    return (*missing, *surplus)


def _load_sql() -> bytes:
    return resources.files("agents.runtime.postgres").joinpath("sql", "fingerprint.sql").read_bytes()
