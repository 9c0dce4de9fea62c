"""Runs verify queries and judges their answers; a query that writes is refused by the server."""

from collections.abc import Sequence
from dataclasses import dataclass

import psycopg

from agents.migrate.errors import VerifyFailedError
from agents.migrate.history import budgets, load_sql
from agents.migrate.model import AppliedMigration, Expectation, Migration, Statement
from agents.runtime.errors import DatabaseRefusedError
from agents.runtime.postgres import Connection, database_error

_SHOWN_ROWS = 5


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one migration's verify file says now."""

    migration: Migration
    failures: tuple[str, ...]

    @property
    def is_ok(self) -> bool:
        """Whether every query returned its declared shape."""
        return not self.failures


def verify_migration(conn: Connection, migration: Migration) -> Verdict:
    """Run a migration's verify file, inside the caller's transaction when there is one.

    Raises:
        DatabaseRefusedError: a query is broken, or tried to write.
    """
    failures: list[str] = []
    # Leaving by Rollback ends the read-only mode with the savepoint, so that the history row can still be written.
    with conn.transaction() as savepoint:
        conn.execute(b"set transaction read only")
        conn.execute(load_sql("set_timeouts_local"), budgets(migration))
        for statement in migration.verification.statements:
            failures.extend(_run_query(conn, migration, statement))
        raise psycopg.Rollback(savepoint)
    return Verdict(migration, tuple(failures))


def require_verified(conn: Connection, migration: Migration, consequence: str) -> None:
    """Verify, or raise an error that says what the failure left behind."""
    verdict = verify_migration(conn, migration)
    if not verdict.is_ok:
        message = f"{migration.name}.verify.sql: {'; '.join(verdict.failures)}; {consequence}"
        raise VerifyFailedError(message)


def verify_applied(
    conn: Connection, available: Sequence[Migration], applied: Sequence[AppliedMigration]
) -> tuple[Verdict, ...]:
    """Verify every migration that the history holds, so that later drift is noticed.

    A query that cannot run any more, because what it reads is gone, is a failure of its migration like any other.
    """
    done = {row.key for row in applied}
    return tuple(_judge_applied(conn, migration) for migration in available if migration.key in done)


def _judge_applied(conn: Connection, migration: Migration) -> Verdict:
    try:
        return verify_migration(conn, migration)
    except DatabaseRefusedError as error:
        return Verdict(migration, (str(error),))


def judge_rows(expectation: Expectation, rows: Sequence[Sequence[object]]) -> str:
    """Return what is wrong with an answer, or an empty text when nothing is."""
    shown = ", ".join(str(tuple(row)) for row in rows[:_SHOWN_ROWS])
    if expectation is Expectation.ZERO_ROWS:
        if not rows:
            return ""
        more = f" and {len(rows) - _SHOWN_ROWS} more" if len(rows) > _SHOWN_ROWS else ""
        return f"expected no rows, got {shown}{more}"
    if len(rows) == 1 and len(rows[0]) == 1 and rows[0][0] is True:
        return ""
    return f"expected one row with true, got {shown or 'no rows'}"


def _run_query(conn: Connection, migration: Migration, statement: Statement) -> tuple[str, ...]:
    try:
        rows = conn.execute(statement.text.encode()).fetchall()
    except psycopg.Error as error:
        what = f"{migration.name}.verify.sql: line {statement.line}"
        raise database_error(error, what, remedy="correct the query") from error
    wrong = judge_rows(migration.verification.expectation, rows)
    return (f"line {statement.line}: {wrong}",) if wrong else ()
