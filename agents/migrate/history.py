"""The database's own memory of what was applied."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import resources

from psycopg.rows import tuple_row

from agents.migrate.model import AppliedMigration, Migration, Phase
from agents.runtime.postgres import Connection


def load_sql(name: str) -> bytes:
    """Return one of the runner's own queries."""
    return resources.files("agents.migrate").joinpath("sql", f"{name}.sql").read_bytes()


# Chosen: our own session must not sit in an open transaction, holding locks, if this process hangs.
IDLE_TIMEOUT_MS = 30_000


class How(StrEnum):
    """How a file came into the history."""

    APPLIED = "applied"
    """Its statements ran."""
    ADOPTED = "adopted"
    """An adoption brought the database to the shape that it declares."""
    BASELINE = "baseline"
    """Somebody said that the database has it, and its proof agreed."""


@dataclass(frozen=True, slots=True)
class Run:
    """How one migration went."""

    migration: Migration
    started_at: datetime
    finished_at: datetime
    duration_ms: int
    lock_wait_ms: int
    attempts: int
    how: How = How.APPLIED


def create_history(conn: Connection) -> None:
    """Create the history table, or bring an older one up to date; only the holder of the runner's lock may call it."""
    if ask_bool(conn, "history_is_current", {}):
        return  # asked first: even an ALTER TABLE that changes nothing waits for readers, a dump for example
    with conn.transaction():
        conn.execute(b"set local lock_timeout = '5s'")
        conn.execute(load_sql("create_history"))


def read_history(conn: Connection) -> tuple[AppliedMigration, ...]:
    """Return what was applied; an untouched database has no history."""
    if not ask_bool(conn, "history_exists", {}):
        return ()
    with conn.cursor(row_factory=tuple_row) as cursor:
        rows = cursor.execute(load_sql("read_history")).fetchall()
    return tuple(
        AppliedMigration(
            number=row[0],
            phase=Phase(row[1]),
            name=row[2],
            sha256=row[3],
            finished_at=row[4],
            duration_ms=row[5],
            lock_wait_ms=row[6],
            attempts=row[7],
            how=row[8],
        )
        for row in rows
    )


def record_run(conn: Connection, run: Run, *, git_sha: str) -> None:
    """Write one history row, in the caller's transaction."""
    conn.execute(
        load_sql("record_migration"),
        {
            "number": run.migration.number,
            "phase": run.migration.phase.value,
            "name": run.migration.name,
            "sha256": run.migration.sha256,
            "started_at": run.started_at,
            "finished_at": run.finished_at,
            "duration_ms": run.duration_ms,
            "lock_wait_ms": run.lock_wait_ms,
            "attempts": run.attempts,
            "git_sha": git_sha,
            "how": run.how.value,
        },
    )


def budgets(migration: Migration) -> dict[str, str]:
    """Return the parameters of the timeout queries for one migration."""
    return {
        "lock_ms": str(migration.lock_budget_ms),
        "statement_ms": str(migration.statement_budget_s * 1000),
        "idle_ms": str(IDLE_TIMEOUT_MS),
    }


def ask_bool(conn: Connection, query: str, parameters: dict[str, object]) -> bool:
    """Run one of the runner's yes-or-no queries."""
    row = conn.execute(load_sql(query), parameters).fetchone()
    return row is not None and row[0] is True
