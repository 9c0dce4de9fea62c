"""Migrations that a change brings, with the locks that their text tells; needs no database."""

from collections.abc import Sequence
from dataclasses import dataclass

from agents.migrate.locks import LockMode, classify_statement
from agents.migrate.model import Migration


@dataclass(frozen=True, slots=True)
class NewMigration:
    """One migration that the database has not seen.

    Attributes:
        name: file name without ending.
        phase: expand, backfill, validate or contract.
        strongest: the strongest table lock that one of its statements takes.
        tables: tables that are locked that strongly, sorted.
        engine: what runs it when it is more than its SQL, else None.
    """

    name: str
    phase: str
    strongest: LockMode
    tables: tuple[str, ...]
    engine: str | None

    def __str__(self) -> str:
        """One line for a reviewer."""
        by = f"by the engine {self.engine}" if self.engine else ""
        locks = f"{self.strongest.title} on {', '.join(self.tables)}: {self.strongest.stops}" if self.tables else ""
        return f"{self.name} ({self.phase}): {'; '.join(filter(None, (locks, by))) or 'no table is locked'}"


def find_new(before: Sequence[Migration], after: Sequence[Migration]) -> tuple[NewMigration, ...]:
    """Migrations of `after` that `before` does not have, in their order."""
    known = {migration.name for migration in before}
    return tuple(_describe(migration) for migration in after if migration.name not in known)


def find_edited(before: Sequence[Migration], after: Sequence[Migration]) -> tuple[str, ...]:
    """Names of migrations that were changed or removed; a database that has run one refuses it."""
    now = {migration.name: migration.sha256 for migration in after}
    return tuple(old.name for old in before if now.get(old.name) != old.sha256)


def _describe(migration: Migration) -> NewMigration:
    locks = [lock for statement in migration.statements for lock in classify_statement(statement.text).locks]
    strongest = max((lock.mode for lock in locks), default=LockMode.NONE)
    tables = sorted({lock.table for lock in locks if lock.mode is strongest})
    engine = migration.engine.value if migration.engine else None
    return NewMigration(migration.name, migration.phase.value, strongest, tuple(tables), engine)
