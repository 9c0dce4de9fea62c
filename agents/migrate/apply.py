"""Applies one migration: whole or not at all, or statement by statement when it says so."""

from datetime import datetime

import psycopg
from psycopg import errors as pg
from psycopg import sql

from agents.migrate.discovery import NAMED_CONCURRENT_INDEX
from agents.migrate.engines import ENGINES
from agents.migrate.history import Run, ask_bool, budgets, load_sql, record_run
from agents.migrate.model import Migration, Statement
from agents.migrate.runner import LOCK_LOST, Attempts, Runner, retry_locks
from agents.migrate.verify import require_verified
from agents.runtime.postgres import database_error

# Chosen: enough to recognise a statement of the file, whose line is told beside it.
_SHOWN_CHARACTERS = 60


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
    attempts = Attempts()

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

    return retry_locks(runner, migration.name, attempts, attempt, lock_budget_ms=migration.lock_budget_ms)


def _apply_alone(runner: Runner, migration: Migration) -> Run:
    """Each statement by itself; a rerun repeats them, so each must be repeatable."""
    attempts = Attempts()
    started_at, started_s = runner.clock.now(), runner.clock.monotonic()
    for statement in migration.statements:

        def attempt(statement: Statement = statement) -> None:
            runner.conn.execute(load_sql("set_timeouts_session"), budgets(migration))
            _drop_invalid_index(runner, migration, statement)
            _execute(runner, migration, statement)

        retry_locks(runner, migration.name, attempts, attempt, lock_budget_ms=migration.lock_budget_ms)
    if migration.engine is not None:
        worked = ENGINES[migration.engine].apply(runner, migration)
        attempts.count += worked.count
        attempts.lock_wait_s += worked.lock_wait_s
    with runner.conn.transaction():
        require_verified(runner.conn, migration, "its statements stay in place; correct it and run again")
        run = _finish(runner, migration, attempts, started_at=started_at, started_s=started_s)
        record_run(runner.conn, run, git_sha=runner.git_sha)
    return run


def _execute(runner: Runner, migration: Migration, statement: Statement) -> None:
    try:
        runner.conn.execute(statement.text.encode())
    except LOCK_LOST:
        raise
    except psycopg.Error as error:
        kept = "nothing of it was kept" if migration.transactional else "statements before it stay in place"
        opening = " ".join(statement.text.split())[:_SHOWN_CHARACTERS]
        what = f"migration {migration.name}.sql line {statement.line} ({kept}), `{opening}`"
        remedy = "correct the file"
        if isinstance(error, pg.DiskFull | pg.ConfigurationLimitExceeded):
            what = f"{what}, make room on the server"  # what is temporary is told without the remedy
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


def _finish(runner: Runner, migration: Migration, attempts: Attempts, *, started_at: datetime, started_s: float) -> Run:
    return Run(
        migration=migration,
        started_at=started_at,
        finished_at=runner.clock.now(),
        duration_ms=round((runner.clock.monotonic() - started_s) * 1000),
        lock_wait_ms=round(attempts.lock_wait_s * 1000),
        attempts=max(1, attempts.count),  # an engine with nothing to do asks for no lock
    )
