"""The verbs, from settings to an answer that a person or a machine can read."""

from collections.abc import Sequence

from agents.migrate import adopt
from agents.migrate.apply import apply_migration
from agents.migrate.compare_schema import SchemaReport, compare_schema
from agents.migrate.contract_gate import find_blocked_contracts
from agents.migrate.discovery import read_folder
from agents.migrate.errors import AdoptionRefusedError, ContractRefusedError, VerifyFailedError
from agents.migrate.history import How, Run, read_history, record_run
from agents.migrate.invocation import ROLLBACK_WINDOW_S, Answer, Command, Options, Verb, connect, make_runner
from agents.migrate.model import Migration, OptionalPhase
from agents.migrate.plan import Action, Plan, plan_migrations
from agents.migrate.preview import preview_plan
from agents.migrate.rendering import history_row, plan_lines, plan_rows, run_row
from agents.migrate.runner import Runner, take_runner_lock
from agents.migrate.truth import Server
from agents.migrate.verify import require_verified, verify_applied
from agents.runtime.clock import Deadline, format_rfc3339

__all__ = [
    "ROLLBACK_WINDOW_S",
    "Answer",
    "Command",
    "Options",
    "Verb",
    "apply_plan",
    "show_plan",
    "show_status",
    "verify_database",
]

_SHOWN_TABLES = 5
_VERSION_DIVISOR = 10_000  # cited: server_version_num is major * 10000 + minor since PostgreSQL 10


def show_plan(command: Command) -> Answer:
    """Say what apply would do and why; changes nothing, not even the history table."""
    available = read_folder(command.options.folder)
    with connect(command) as server:
        _refuse_unmanaged(server, available)
        plan = _plan(command, server, available)
        previews = preview_plan(server.conn, plan)
    return Answer(
        {"steps": plan_rows(plan, previews), "notes": list(plan.notes), "folder_size": len(available)},
        plan_lines(plan, previews),
    )


def apply_plan(command: Command) -> Answer:
    """Run everything that is pending, one migration after the other."""
    available = read_folder(command.options.folder)  # a broken folder is told before the database is asked for anything
    with connect(command) as server:
        runner = make_runner(command, server)
        take_runner_lock(runner, Deadline.after(command.options.wait_s, command.clock))
        adopted = _adopt_first(command, server, runner, available)
        # Planned under the lock: whoever held it before may have applied everything.
        plan = _plan(command, server, available)
        previews = preview_plan(server.conn, plan)
        for step in plan.steps:
            locks = previews[step.migration.key].lines() if step.migration.key in previews else []
            command.log.info(
                "migrate.plan.made",
                migration=step.migration.name,
                action=step.action.value,
                because=list(step.because),
                locks=[line.strip() for line in locks],
            )
        runs = [apply_migration(runner, migration) for migration in plan.to_run]
        _refuse_contracts(plan)
    lines = [f"adopted {name}" for name in adopted]
    lines += [f"applied {run.migration.name} in {run.duration_ms} ms, attempts {run.attempts}" for run in runs]
    return Answer(
        {"applied": [run_row(run) for run in runs], "adopted": list(adopted), "notes": list(plan.notes)},
        lines or ["nothing to apply: the history holds every migration that may run now"],
    )


def verify_database(command: Command) -> Answer:
    """Run the proof of every applied migration again, and compare the schema with schema.sql.

    Raises:
        VerifyFailedError: a proof no longer holds, or the schema differs; the message names each.
    """
    available = read_folder(command.options.folder)
    with connect(command) as server:
        plan = _plan(command, server, available)
        verdicts = verify_applied(server.conn, available, read_history(server.conn))
        pending = tuple(step.migration.name for step in plan.steps if step.action is not Action.DONE)
        schema = compare_schema(server, command.options.folder, pending=pending, newer=plan.notes)
    failures = [f"{verdict.migration.name}: {'; '.join(verdict.failures)}" for verdict in verdicts if not verdict.is_ok]
    if failures:
        message = (
            f"{len(failures)} of {len(verdicts)} migrations no longer hold: {' | '.join(failures)}; find who changed it"
        )
        raise VerifyFailedError(message)
    _refuse_differences(schema)
    lines = [f"holds {verdict.migration.name}" for verdict in verdicts] or ["nothing was applied yet"]
    return Answer(
        {
            "verified": [verdict.migration.name for verdict in verdicts],
            "schema": schema.verdict,
            "kept": [{"kind": each.kind, "name": each.name, "reason": each.reason} for each in schema.kept],
        },
        [*lines, *schema.lines],
    )


def show_status(command: Command) -> Answer:
    """Show the history and what is pending."""
    with connect(command) as server:
        applied = read_history(server.conn)
        plan = _plan(command, server, read_folder(command.options.folder))
    pending = [row for row in plan_rows(plan, {}) if row["action"] != Action.DONE]
    lines = [f"{row.name}  {format_rfc3339(row.finished_at)}  {row.how}  {row.duration_ms} ms" for row in applied]
    lines += [f"{row['name']}  {row['action']}" for row in pending]
    return Answer({"applied": [history_row(row) for row in applied], "pending": pending}, lines or ["no migrations"])


def record_baseline(command: Command) -> Answer:
    """Record files as applied that the database has already, each after its proof.

    Raises:
        VerifyFailedError: a proof does not hold; nothing was recorded.
    """
    available = read_folder(command.options.folder)
    with connect(command) as server:
        runner = make_runner(command, server)
        take_runner_lock(runner, Deadline.after(command.options.wait_s, command.clock))
        plan = _plan(command, server, available)
        files = [each for each in plan.to_run if each.number <= command.options.up_to]
        with server.conn.transaction():
            for migration in files:
                require_verified(server.conn, migration, "nothing was recorded; run `adopt`, or a lower --up-to")
                now = command.clock.now()
                run = Run(migration, now, now, duration_ms=0, lock_wait_ms=0, attempts=1, how=How.BASELINE)
                record_run(server.conn, run, git_sha=runner.git_sha)
    names = [each.name for each in files]
    lines = [f"recorded {name}" for name in names] or ["nothing to record: the history holds every one of these files"]
    return Answer({"recorded": names}, lines)


def _plan(command: Command, server: Server, available: Sequence[Migration]) -> Plan:
    applied = read_history(server.conn)
    include_contract = OptionalPhase.CONTRACT in command.options.include
    blocked = (
        find_blocked_contracts(
            server.conn,
            available,
            applied,
            session=command.session,
            now=command.clock.now(),
            rollback_window_s=command.options.rollback_window_s,
        )
        if include_contract
        else {}
    )
    return plan_migrations(
        available,
        applied,
        server_major=server.conn.info.server_version // _VERSION_DIVISOR,
        include_contract=include_contract,
        blocked=blocked,
    )


def _adopt_first(command: Command, server: Server, runner: Runner, available: Sequence[Migration]) -> tuple[str, ...]:
    """Adopt a database that existed before the runner, when that was asked for."""
    if not command.options.adopt:
        _refuse_unmanaged(server, available)
        return ()
    return adopt.adopt_database(command, server, runner, available).adopted


def _refuse_unmanaged(server: Server, available: Sequence[Migration]) -> None:
    if read_history(server.conn):
        return
    tables = adopt.find_unmanaged_tables(server.conn, available)
    if tables:
        more = f" and {len(tables) - _SHOWN_TABLES} more" if len(tables) > _SHOWN_TABLES else ""
        shown = ", ".join(tables[:_SHOWN_TABLES]) + more
        message = (
            f"the database has {shown} but no migration history, so it existed before this runner; nothing was "
            "changed: `cryo migrate adopt` shows what bringing it to the declared shape would do, "
            "`cryo migrate apply --adopt` does it"
        )
        raise AdoptionRefusedError(message)


def _refuse_contracts(plan: Plan) -> None:
    """Say why contract steps that were asked for did not run; everything else did."""
    if plan.refused:
        told = " | ".join(f"{step.migration.name}: {'; '.join(step.because)}" for step in plan.refused)
        message = f"{len(plan.refused)} contract steps may not run yet, nothing was taken away: {told}"
        raise ContractRefusedError(message, retry_after_s=600.0)


def _refuse_differences(schema: SchemaReport) -> None:
    if schema.differences:
        told = " | ".join(schema.differences)
        message = f"the schema differs from schema.sql in {len(schema.differences)} facts: {told}; find who changed it"
        raise VerifyFailedError(message)
