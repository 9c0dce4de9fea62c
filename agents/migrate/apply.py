"""Runs a plan: one runner at a time, short lock waits, each migration whole or not at all."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar

import psycopg
from psycopg import errors as pg
from psycopg import sql
from structlog.typing import FilteringBoundLogger

from agents.migrate.discovery import NAMED_CONCURRENT_INDEX
from agents.migrate.errors import LockTimedOutError, PoolerRefusedError, RunnerBusyError
from agents.migrate.history import Run, ask_bool, budgets, create_history, load_sql, record_run
from agents.migrate.model import Migration, Statement
from agents.migrate.verify import require_verified
from agents.runtime.clock import Clock, Deadline
from agents.runtime.postgres import Connection, database_error
from agents.runtime.retry import Backoff

# Chosen: any constant works as long as nobody else uses it; this one spells "cryo-mig" in ASCII.
RUNNER_LOCK_KEY = 0x6372796F2D6D6967
_LOCK_POLL_S = 0.25

# Cited: issue 4, up to 30 tries. Ceilings chosen: with 500 ms of waiting each, all tries take about 90 s.
LOCK_BACKOFF = Backoff(tries=30, first_s=0.1, cap_s=5.0)
# Losing a lock race, or a deadlock, says nothing about the migration itself.
_RETRIED = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything a run needs from outside."""

    conn: Connection
    clock: Clock
    log: FilteringBoundLogger
    draw: Callable[[], float]
    """Uniform random numbers in [0, 1) for jitter."""
    git_sha: str = ""
    backoff: Backoff = LOCK_BACKOFF


@dataclass(slots=True)
class _Attempts:
    """What the tries of one migration have cost so far."""

    count: int = 0
    lock_wait_s: float = 0.0


def take_runner_lock(runner: Runner, deadline: Deadline) -> None:
    """Become the only runner, and make sure that the lock really is ours.

    Polls instead of waiting inside PostgreSQL: a waiting session would hold a snapshot that
    CREATE INDEX CONCURRENTLY of the other runner waits for, and both would hang.

    Raises:
        PoolerRefusedError: a connection pooler is in between.
        RunnerBusyError: another runner held the lock until the deadline.
    """
    row = runner.conn.execute(load_sql("backend_pid")).fetchone()
    if row is None or row[0] != runner.conn.info.backend_pid:
        message = (
            "a connection pooler stands between the runner and PostgreSQL, so its session lock would protect nothing; "
            "point CRYO_DB_HOST and CRYO_DB_PORT at the server itself"
        )
        raise PoolerRefusedError(message)
    while not ask_bool(runner.conn, "try_runner_lock", {"key": RUNNER_LOCK_KEY}):
        if deadline.is_over:
            message = "another runner holds the migration lock; nothing was changed, wait for it to end and run again"
            raise RunnerBusyError(message)
        deadline.sleep(_LOCK_POLL_S)
    runner.log.info("migrate.lock.taken", backend_pid=runner.conn.info.backend_pid)
    create_history(runner.conn)


def apply_migration(runner: Runner, migration: Migration) -> Run:
    """Apply one migration, trying again when a lock is not to be had.

    Raises:
        LockTimedOutError: every try ran into the lock budget; the schema is as before.
        VerifyFailedError: the proof failed; a transactional migration was rolled back.
        DatabaseRefusedError: a statement is wrong; the message names file and line.
        DatabaseUnavailableError: the connection or a resource was lost; the transaction was rolled back.
    """
    # A SET in one file must not reach the next; the settings of the connection itself come back.
    runner.conn.execute("reset all; reset role")
    runner.log.info("migrate.step.started", migration=migration.name, transactional=migration.transactional)
    try:
        run = _apply_whole(runner, migration) if migration.transactional else _apply_alone(runner, migration)
    except psycopg.Error as error:  # outside any statement of the file: timeouts, history row, commit
        what = f"migration {migration.name} (`status` says whether it was kept)"
        raise database_error(error, what, remedy="see the server's log") from error
    runner.log.info(
        "migrate.step.applied",
        migration=migration.name,
        duration_ms=run.duration_ms,
        lock_wait_ms=run.lock_wait_ms,
        attempts=run.attempts,
    )
    return run


def _apply_whole(runner: Runner, migration: Migration) -> Run:
    """Statements, proof and history row in one transaction."""
    attempts = _Attempts()

    def attempt() -> Run:
        started_at, started_s = runner.clock.now(), runner.clock.monotonic()
        with runner.conn.transaction():
            runner.conn.execute(load_sql("set_timeouts_local"), budgets(migration))
            for statement in migration.statements:
                _execute(runner, migration, statement)
            require_verified(runner.conn, migration, "the migration was rolled back; correct it and run again")
            run = _finish(runner, migration, attempts, started_at=started_at, started_s=started_s)
            record_run(runner.conn, run, git_sha=runner.git_sha)
        return run

    return _retry_locks(runner, migration, attempts, attempt)


def _apply_alone(runner: Runner, migration: Migration) -> Run:
    """Each statement by itself; a rerun repeats them, so each must be repeatable."""
    attempts = _Attempts()
    started_at, started_s = runner.clock.now(), runner.clock.monotonic()
    for statement in migration.statements:

        def attempt(statement: Statement = statement) -> None:
            runner.conn.execute(load_sql("set_timeouts_session"), budgets(migration))
            _drop_invalid_index(runner, migration, statement)
            _execute(runner, migration, statement)

        _retry_locks(runner, migration, attempts, attempt)
    with runner.conn.transaction():
        require_verified(runner.conn, migration, "its statements stay in place; correct it and run again")
        run = _finish(runner, migration, attempts, started_at=started_at, started_s=started_s)
        record_run(runner.conn, run, git_sha=runner.git_sha)
    return run


def _retry_locks(runner: Runner, migration: Migration, attempts: _Attempts, attempt: Callable[[], T]) -> T:
    failures = 0
    while True:
        attempts.count += 1
        began_s = runner.clock.monotonic()
        try:
            return attempt()
        except _RETRIED as error:
            failures += 1
            holders = _find_lock_holders(runner, migration)
            runner.log.warning(
                "migrate.lock.timed_out",
                migration=migration.name,
                attempt=failures,
                reason=error.diag.message_primary,
                holders=holders,
            )
            if not runner.backoff.allows_another(failures):
                message = (
                    f"migration {migration.name}: no lock within {migration.lock_budget_ms} ms in {failures} tries"
                    f"{_name_holders(holders)}; nothing of it was kept, end that transaction or run again off-peak"
                )
                raise LockTimedOutError(message, retry_after_s=30.0) from error
            runner.clock.sleep(runner.backoff.delay_s(failures, runner.draw()))
            attempts.lock_wait_s += runner.clock.monotonic() - began_s


def _execute(runner: Runner, migration: Migration, statement: Statement) -> None:
    try:
        runner.conn.execute(statement.text.encode())
    except _RETRIED:
        raise
    except psycopg.Error as error:
        kept = "nothing of it was kept" if migration.transactional else "statements before it stay in place"
        what = f"migration {migration.name}.sql line {statement.line} ({kept})"
        remedy = "correct the file"
        if isinstance(error, pg.QueryCanceled):
            remedy = f"it passed its budget of {migration.statement_budget_s} s; raise @statement-budget-s or split it"
        raise database_error(error, what, remedy=remedy) from error


def _drop_invalid_index(runner: Runner, migration: Migration, statement: Statement) -> None:
    found = NAMED_CONCURRENT_INDEX.match(statement.text)
    if found is None:
        return
    schema, index = found["schema"].lower(), found["index"].lower()
    if ask_bool(runner.conn, "invalid_index", {"schema": schema, "index": index}):
        runner.log.warning("migrate.index.dropped", migration=migration.name, index=f"{schema}.{index}")
        runner.conn.execute(sql.SQL("drop index concurrently {}").format(sql.Identifier(schema, index)))


def _find_lock_holders(runner: Runner, migration: Migration) -> list[dict[str, object]]:
    rows = runner.conn.execute(load_sql("lock_holders"), {"waited_ms": migration.lock_budget_ms}).fetchall()
    keys = ("pid", "application_name", "user", "state", "open_s", "relations")
    return [dict(zip(keys, row, strict=True)) for row in rows]


def _name_holders(holders: list[dict[str, object]]) -> str:
    if not holders:
        return ""
    return "; held by " + ", ".join(
        f"pid {holder['pid']} ({holder['application_name'] or 'no application_name'}, {holder['state']})"
        for holder in holders
    )


def _finish(
    runner: Runner, migration: Migration, attempts: _Attempts, *, started_at: datetime, started_s: float
) -> Run:
    return Run(
        migration=migration,
        started_at=started_at,
        finished_at=runner.clock.now(),
        duration_ms=round((runner.clock.monotonic() - started_s) * 1000),
        lock_wait_ms=round(attempts.lock_wait_s * 1000),
        attempts=attempts.count,
    )
