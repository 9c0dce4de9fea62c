"""The four verbs, from settings to an answer that a person or a machine can read."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from structlog.typing import FilteringBoundLogger

from agents.migrate.apply import LOCK_BACKOFF, Runner, apply_migration, take_runner_lock
from agents.migrate.discovery import read_folder
from agents.migrate.errors import VerifyFailedError
from agents.migrate.history import Run, read_history
from agents.migrate.model import AppliedMigration, OptionalPhase
from agents.migrate.plan import Action, Plan, plan_migrations
from agents.migrate.verify import verify_applied
from agents.runtime.clock import Clock, Deadline, format_rfc3339
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_MIGRATE, SessionName
from agents.runtime.postgres import Connection, database_error, open_connection
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity

_VERSION_DIVISOR = 10_000  # cited: server_version_num is major * 10000 + minor since PostgreSQL 10


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose."""

    folder: Path
    wait_s: float = 120.0
    """Longest wait for the database to answer, and again for another runner to end."""
    include: tuple[OptionalPhase, ...] = ()
    lock_tries: int = LOCK_BACKOFF.tries


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    environ: Mapping[str, str]
    options: Options
    log: FilteringBoundLogger
    redactor: Redactor
    clock: Clock


Verb = Callable[[Command], Answer]


def show_plan(command: Command) -> Answer:
    """Say what apply would do and why; changes nothing, not even the history table."""
    available = read_folder(command.options.folder)
    with _connect(command) as conn:
        plan = _plan(command, conn)
    return Answer(
        {"steps": _plan_rows(plan), "notes": list(plan.notes), "folder_size": len(available)}, _plan_lines(plan)
    )


def apply_plan(command: Command) -> Answer:
    """Run everything that is pending, one migration after the other."""
    read_folder(command.options.folder)  # a broken folder is told before the database is asked for anything
    with _connect(command) as conn:
        runner = Runner(
            conn=conn,
            clock=command.clock,
            log=command.log,
            draw=random.random,
            git_sha=Identity.from_environ(command.environ).git_sha,
            backoff=Backoff(tries=command.options.lock_tries, first_s=LOCK_BACKOFF.first_s, cap_s=LOCK_BACKOFF.cap_s),
        )
        take_runner_lock(runner, Deadline.after(command.options.wait_s, command.clock))
        # Planned under the lock: whoever held it before may have applied everything.
        plan = _plan(command, conn)
        for line in _plan_lines(plan):
            command.log.info("migrate.plan.made", step=line)
        runs = [apply_migration(runner, migration) for migration in plan.to_run]
    lines = [f"applied {run.migration.name} in {run.duration_ms} ms, attempts {run.attempts}" for run in runs]
    return Answer(
        {"applied": [_run_row(run) for run in runs], "notes": list(plan.notes)},
        lines or ["nothing to apply: the history holds every migration that may run now"],
    )


def verify_database(command: Command) -> Answer:
    """Run the proof of every applied migration again.

    Raises:
        VerifyFailedError: a proof no longer holds; the message names each.
    """
    available = read_folder(command.options.folder)
    with _connect(command) as conn:
        _plan(command, conn)
        verdicts = verify_applied(conn, available, read_history(conn))
    failures = [f"{verdict.migration.name}: {'; '.join(verdict.failures)}" for verdict in verdicts if not verdict.is_ok]
    if failures:
        message = (
            f"{len(failures)} of {len(verdicts)} migrations no longer hold: {' | '.join(failures)}; find who changed it"
        )
        raise VerifyFailedError(message)
    lines = [f"holds {verdict.migration.name}" for verdict in verdicts]
    return Answer({"verified": [verdict.migration.name for verdict in verdicts]}, lines or ["nothing was applied yet"])


def show_status(command: Command) -> Answer:
    """Show the history and what is pending."""
    with _connect(command) as conn:
        applied = read_history(conn)
        plan = _plan(command, conn)
    pending = [row for row in _plan_rows(plan) if row["action"] != Action.DONE]
    lines = [f"{row.name}  {format_rfc3339(row.finished_at)}  {row.duration_ms} ms" for row in applied]
    lines += [f"{row['name']}  {row['action']}" for row in pending]
    return Answer({"applied": [_history_row(row) for row in applied], "pending": pending}, lines or ["no migrations"])


@contextmanager
def _connect(command: Command) -> Iterator[Connection]:
    settings = DatabaseSettings.from_environ(command.environ)
    identity = Identity.from_environ(command.environ)
    password = settings.read_password()
    if password is not None:
        command.redactor.add(password)
    session = SessionName(agent=APP_MIGRATE, colour=identity.colour, version=identity.version)
    deadline = Deadline.after(command.options.wait_s, command.clock)
    with open_connection(settings, session, deadline=deadline, log=command.log) as conn:
        try:
            yield conn
        except psycopg.Error as error:
            raise database_error(error, "PostgreSQL", remedy="check the role's rights on schema cryo") from error


def _plan(command: Command, conn: Connection) -> Plan:
    return plan_migrations(
        read_folder(command.options.folder),
        read_history(conn),
        server_major=conn.info.server_version // _VERSION_DIVISOR,
        include_contract=OptionalPhase.CONTRACT in command.options.include,
    )


def _plan_rows(plan: Plan) -> list[dict[str, object]]:
    return [
        {
            "name": step.migration.name,
            "action": step.action.value,
            "because": list(step.because),
            "summary": step.migration.summary,
            "lock_budget_ms": step.migration.lock_budget_ms,
            "transactional": step.migration.transactional,
        }
        for step in plan.steps
    ]


def _plan_lines(plan: Plan) -> list[str]:
    lines = [f"{step.action.value:4}  {step.migration.name}: {'; '.join(step.because)}" for step in plan.steps]
    return [*lines, *plan.notes] or ["the folder holds no migrations"]


def _run_row(run: Run) -> dict[str, object]:
    return {
        "name": run.migration.name,
        "duration_ms": run.duration_ms,
        "lock_wait_ms": run.lock_wait_ms,
        "attempts": run.attempts,
    }


def _history_row(row: AppliedMigration) -> dict[str, object]:
    return {
        "name": row.name,
        "sha256": row.sha256,
        "finished_at": format_rfc3339(row.finished_at),
        "duration_ms": row.duration_ms,
        "lock_wait_ms": row.lock_wait_ms,
        "attempts": row.attempts,
    }
