"""Says before a migration runs what each of its statements locks and how large those tables are."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.migrate.engines import ENGINES
from agents.migrate.history import load_sql
from agents.migrate.locks import LockMode, StatementLocks, TableLock, classify_statement
from agents.migrate.model import Migration, MigrationKey
from agents.migrate.plan import Plan
from agents.runtime.postgres import Connection

_UNKNOWN_ROWS = -1
# How the classifier writes a table that the statement does not name.
_NAMELESS = ("?", "table of ")


@dataclass(frozen=True, slots=True)
class StatementPreview:
    """One statement, its locks, and the estimated rows of the tables that it locks."""

    line: int
    opening: str
    """How the statement begins, for a reader; never its values."""
    locks: StatementLocks
    rows: Mapping[str, int]
    """By table; only tables that exist, -1 for one that was never analysed."""

    @property
    def is_noticed(self) -> bool:
        """Whether somebody else may wait: a table that this plan makes itself is in nobody's use."""
        return any(
            lock.mode > LockMode.ROW_SHARE and (lock.table in self.rows or lock.table.startswith(_NAMELESS))
            for lock in self.locks.locks
        )


@dataclass(frozen=True, slots=True)
class Preview:
    """What one migration will do to those who use the database."""

    statements: tuple[StatementPreview, ...]
    engine: tuple[str, ...] = ()
    """What the declared engine says that it would do."""

    def row(self) -> dict[str, object]:
        """Return it as a part of a JSON object."""
        return {
            "statements": [
                {
                    "line": each.line,
                    "statement": each.opening,
                    "locks": [{"table": lock.table, "mode": lock.mode.title} for lock in each.locks.locks],
                    "rewrites": each.locks.rewrites,
                    "scans": each.locks.scans,
                    "known": each.locks.known,
                    "rows": {table: count for table, count in each.rows.items() if count >= 0},
                    "because": each.locks.because,
                }
                for each in self.statements
            ],
            "engine": list(self.engine),
        }

    def lines(self) -> list[str]:
        """Return what a person needs: statements that somebody else can notice, and how many are harmless."""
        noticed = [each for each in self.statements if each.is_noticed]
        lines = [f"      line {each.line}: {each.opening}: {_describe(each)}" for each in noticed]
        if len(noticed) < len(self.statements):
            lines.append(f"      {len(self.statements) - len(noticed)} statements lock no table that is in use")
        return [*lines, *(f"      {line}" for line in self.engine)]


def preview_plan(conn: Connection, plan: Plan) -> dict[MigrationKey, Preview]:
    """Look at every migration that will run; reads the catalog and changes nothing.

    Args:
        conn: the live database, for sizes.
        plan: what will run.
    """
    classified = {
        migration.key: [(statement, classify_statement(statement.text)) for statement in migration.statements]
        for migration in plan.to_run
    }
    names = {lock.table for found in classified.values() for _, locks in found for lock in locks.locks}
    rows = _read_rows(conn, names)
    return {
        migration.key: Preview(
            statements=tuple(
                StatementPreview(
                    line=statement.line,
                    opening=" ".join(statement.text.split())[:60],
                    locks=locks,
                    rows={lock.table: rows[lock.table] for lock in locks.locks if lock.table in rows},
                )
                for statement, locks in classified[migration.key]
            ),
            engine=_describe_engine(conn, migration),
        )
        for migration in plan.to_run
    }


def _describe_engine(conn: Connection, migration: Migration) -> tuple[str, ...]:
    return ENGINES[migration.engine].describe(conn, migration) if migration.engine is not None else ()


def _read_rows(conn: Connection, names: set[str]) -> dict[str, int]:
    """Return the estimated rows of tables that exist; one that was never analysed counts as unknown."""
    found = conn.execute(load_sql("estimate_rows"), {"names": sorted(names - {"?"})}).fetchall()
    return {str(row[0]): int(str(row[1])) for row in found}


def _describe(preview: StatementPreview) -> str:
    locks = ", ".join(_describe_lock(lock, preview.rows) for lock in preview.locks.locks)
    work = "rewrites the table, " if preview.locks.rewrites else "scans the table, " if preview.locks.scans else ""
    return f"{locks} ({preview.locks.strongest.stops}); {work}{preview.locks.because}"


def _describe_lock(lock: TableLock, rows: Mapping[str, int]) -> str:
    count = rows.get(lock.table, _UNKNOWN_ROWS)
    size = f" of about {count} rows" if count >= 0 else ""
    return f"{lock.mode.title} on {lock.table}{size}"
