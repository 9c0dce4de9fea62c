"""Decides what will run and why; pure, and printed before anything happens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.migrate.errors import HistoryMismatchError, ServerTooOldError
from agents.migrate.model import AppliedMigration, Migration, MigrationKey, Phase
from agents.runtime.clock import format_rfc3339


class Action(StrEnum):
    """What happens to one migration."""

    RUN = "run"
    HELD = "held"
    """Was not asked for."""
    REFUSED = "refused"
    """Was asked for, and may not run yet."""
    DONE = "done"


@dataclass(frozen=True, slots=True)
class Step:
    """One migration, what happens to it, and why."""

    migration: Migration
    action: Action
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything a run will do, in the order it will be done."""

    steps: tuple[Step, ...]
    notes: tuple[str, ...]

    @property
    def to_run(self) -> tuple[Migration, ...]:
        """The migrations that will run, in order."""
        return tuple(step.migration for step in self.steps if step.action is Action.RUN)

    @property
    def refused(self) -> tuple[Step, ...]:
        """Steps that were asked for and may not run yet."""
        return tuple(step for step in self.steps if step.action is Action.REFUSED)


def plan_migrations(
    available: Sequence[Migration],
    applied: Sequence[AppliedMigration],
    *,
    server_major: int,
    include_contract: bool,
    blocked: Mapping[MigrationKey, Sequence[str]] | None = None,
) -> Plan:
    """Compare the folder with the history.

    Args:
        available: the folder, in order.
        applied: the history.
        server_major: PostgreSQL's major version.
        include_contract: run contract steps too.
        blocked: contract steps that may not run now, and why.

    Returns:
        Steps that are done, then those to run: contract steps come last, as they do in every environment
        that grew over time.

    Raises:
        HistoryMismatchError: an applied file was edited, removed, or a file was slipped in before applied ones.
        ServerTooOldError: a step to run needs a newer server.
    """
    history = {row.key: row for row in applied}
    notes = _check_history(available, applied)
    done: list[Step] = []
    to_run: list[Step] = []
    contracts: list[Step] = []
    for migration in available:
        row = history.get(migration.key)
        if row is not None:
            because = f"applied {format_rfc3339(row.finished_at)}, content unchanged"
            done.append(Step(migration, Action.DONE, (because,)))
        elif migration.phase is not Phase.CONTRACT:
            to_run.append(Step(migration, Action.RUN, ("not in the history",)))
        elif include_contract:
            contracts.append(_plan_contract(migration, available, history, (blocked or {}).get(migration.key, ())))
        else:
            contracts.append(
                Step(migration, Action.HELD, ("contract steps run after the rollback window, with --include contract",))
            )
    _refuse_late_files([step.migration for step in to_run], applied)
    _refuse_old_server([step.migration for step in (*to_run, *contracts) if step.action is Action.RUN], server_major)
    return Plan(steps=(*done, *to_run, *contracts), notes=notes)


def _plan_contract(
    migration: Migration,
    available: Sequence[Migration],
    history: Mapping[MigrationKey, AppliedMigration],
    blocked: Sequence[str],
) -> Step:
    """A contract step runs when nobody needs what it takes away, and never together with its own expansion."""
    own = [
        each.name
        for each in available
        if each.number == migration.number and each.phase is not Phase.CONTRACT and each.key not in history
    ]
    reasons = [f"{name} has to be applied, and in use, before; run it without --include contract" for name in own]
    if reasons or blocked:
        return Step(migration, Action.REFUSED, (*reasons, *blocked))
    return Step(migration, Action.RUN, ("not in the history", "contract steps were asked for"))


def _check_history(available: Sequence[Migration], applied: Sequence[AppliedMigration]) -> tuple[str, ...]:
    """Refuse contradictions; tell about rows that are newer than the folder."""
    folder = {migration.key: migration for migration in available}
    newest = max((migration.number for migration in available), default=0)
    notes: list[str] = []
    for row in sorted(applied, key=lambda each: each.key):
        migration = folder.get(row.key)
        if migration is None and row.number > newest:
            # The older colour's Job runs again after a rollback: expand steps are additive, so its code still fits.
            notes.append(f"{row.name} is newer than this folder; left as it is")
        elif migration is None:
            message = (
                f"{row.name}.sql was applied {format_rfc3339(row.finished_at)} but is not in the folder; restore it"
            )
            raise HistoryMismatchError(message)
        elif migration.sha256 != row.sha256:
            message = (
                f"{migration.name}.sql was edited after it was applied (applied sha256 {row.sha256[:12]}, "
                f"file {migration.sha256[:12]}); restore the applied text and put the change into a new migration"
            )
            raise HistoryMismatchError(message)
        elif migration.name != row.name:
            message = f"{migration.name}.sql was applied as {row.name}.sql; give it its old name back"
            raise HistoryMismatchError(message)
    return tuple(notes)


def _refuse_late_files(to_run: Sequence[Migration], applied: Sequence[AppliedMigration]) -> None:
    latest = max((row for row in applied if row.phase is not Phase.CONTRACT), key=lambda row: row.key, default=None)
    if latest is None:
        return
    for migration in to_run:
        if migration.key < latest.key:
            message = (
                f"{migration.name}.sql is new but comes before {latest.name}.sql, which is already applied; "
                "give it the next free number"
            )
            raise HistoryMismatchError(message)


def _refuse_old_server(to_run: Sequence[Migration], server_major: int) -> None:
    for migration in to_run:
        if migration.min_server > server_major:
            message = (
                f"{migration.name}.sql needs PostgreSQL {migration.min_server}, the server is {server_major}; "
                "upgrade the server first"
            )
            raise ServerTooOldError(message)
