"""The verbs of `cryo backup` over the physical engine, from settings to an answer for a person or a machine."""

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from agents.backup.engine import BackupKind, BackupSet, Progress, RestoreRequest
from agents.backup.errors import ConfirmationMissingError, SetHeldError, SetUnknownError
from agents.backup.in_place import require_stopped, swap_in, unfinished_folder
from agents.backup.marks import as_candidate, hold_marks, verification_marks, verified_level
from agents.backup.pgbackrest.config import write_config
from agents.backup.pgbackrest.engine import PgBackRest
from agents.backup.pgbackrest.program import Program
from agents.backup.pgbackrest.restore import Window, choose_set, recoverable_windows, tell_target
from agents.backup.physical_sets import PhysicalSets
from agents.backup.recording import expired, record_failure, record_set
from agents.backup.retention import RetentionPlan, plan_retention
from agents.backup.settings import BackupSettings
from agents.backup.signature import read_signer, read_verifier
from agents.backup.told_sets import line_of, plain_set, plain_window
from agents.backup.wal import continuity_start
from agents.runtime.clock import Clock, Deadline, format_rfc3339
from agents.runtime.errors import AgentError, SettingsError
from agents.runtime.names import SessionName
from agents.runtime.postgres import Connection, open_connection
from agents.runtime.settings import DatabaseSettings, Identity

# Cited: docs/backup.md: both copies of every manifest are equal and every stored byte was read.
_READ_LEVEL = 2
# Chosen: a database that starts answers within half a minute.
_CONNECT_WITHIN_S = 30.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    settings: BackupSettings
    identity: Identity
    log: FilteringBoundLogger
    clock: Clock
    progress: Progress
    program: Program | None = None
    database: DatabaseSettings | None = None
    """The live database, for the catalogue and what a manifest says of it; None where it is not told."""

    @contextmanager
    def connected(self) -> Iterator[Connection]:
        """Connect to the live database.

        Raises:
            SettingsError: CRYO_DB_* do not name one.
        """
        if self.database is None:
            message = "CRYO_DB_HOST is not set; manifests and the catalogue need the database"
            raise SettingsError(message)
        session = SessionName(agent="backup", colour=self.identity.colour, version=self.identity.version)
        deadline = Deadline.after(_CONNECT_WITHIN_S, self.clock)
        with open_connection(self.database, session, deadline=deadline, log=self.log) as conn:
            yield conn

    def physical_sets(self, engine: PgBackRest) -> PhysicalSets | None:
        """Return the signed manifests; None where no keys are configured."""
        keys = self.settings.keys
        if keys is None:
            return None
        return PhysicalSets(engine, read_verifier(Path(keys.trusted_keys)), read_signer(Path(keys.signing_key)))

    @contextmanager
    def engine(self) -> Iterator[PgBackRest]:
        """Give the engine its configuration; it holds secrets, so it goes away with the command."""
        program = self.program or Program(self.log)
        engine = PgBackRest(self.settings.engine(), program, limit_s=self.settings.limit_s)
        write_config(engine.settings)
        yield engine


def prepare(command: Command) -> Answer:
    """Make the stanza in every repository; a second run changes nothing."""
    with command.engine() as engine:
        engine.prepare()
    return Answer(
        {"stanza": command.settings.stanza}, [f"stanza {command.settings.stanza} is ready in every repository"]
    )


def run(command: Command, kind: BackupKind, *, dry_run: bool) -> Answer:
    """Take one set."""
    with command.engine() as engine:
        if dry_run:
            newest = [backup.label for backup in engine.list_sets()][-1:]
            told = f"would take a {kind.in_catalogue} backup after {newest[0] if newest else 'none'}; nothing was done"
            return Answer({"dry_run": True, "kind": kind, "after": newest}, [told])
        sets, began = command.physical_sets(engine), command.clock.now()
        try:
            engine.prepare()
            taken = engine.back_up(kind, annotations=_marks_of(command.identity), progress=command.progress)
            if sets is not None:
                record_set(command, sets, taken)
        except AgentError as error:
            if sets is not None:
                record_failure(command, kind, began, str(error))
            raise
    command.log.info("backup.run.done", label=taken.label, stored_bytes=taken.stored_bytes)
    return Answer({"backup": plain_set(taken)}, [f"taken: {line_of(taken)}"])


def _marks_of(identity: Identity) -> dict[str, str]:
    marks = {"git": identity.git_sha, "version": identity.version}
    return {key: value for key, value in marks.items() if value}


def list_sets(command: Command) -> Answer:
    """Show every set and what can be reached."""
    with command.engine() as engine:
        sets = engine.list_sets()
        windows = _windows(engine, sets)
    lines = [line_of(backup) for backup in sets] or ["no backups yet; take one with `cryo backup run`"]
    lines += [f"recoverable: {format_rfc3339(w.begin)} to {format_rfc3339(w.end)}" for w in windows]
    data = {"backups": [plain_set(backup) for backup in sets], "recoverable": [plain_window(w) for w in windows]}
    return Answer(data, lines)


def show(command: Command, label: str) -> Answer:
    """Show one set."""
    with command.engine() as engine:
        found = _find(engine.list_sets(), label)
    plain = plain_set(found)
    return Answer({"backup": plain}, [f"{key}: {value}" for key, value in plain.items()])


def verify(command: Command, label: str | None, *, then_expire: bool) -> Answer:
    """Read everything that is stored; mark each set with the level it reached or with its damage."""
    with command.engine() as engine:
        sets, now = engine.list_sets(), command.clock.now()
        near = [backup for backup in sets if backup.repository == 1]
        plan = plan_retention([as_candidate(backup) for backup in near], command.settings.retention.rules(), now)
        damages = engine.find_damage(label, continuous_from=continuity_start(near, plan.continuous_from))
        for backup in sets:
            if label not in (None, backup.label):
                continue
            own = [d for d in damages if d.repository == backup.repository and d.label in (None, backup.label)]
            told = "; ".join(f"{damage.object}: {damage.problem}" for damage in own)[:200].replace("\n", " ")
            level = 0 if own else max(_READ_LEVEL, verified_level(backup))
            engine.annotate(backup.label, verification_marks(level, now, damage=told), repository=backup.repository)
    lines = [f"DAMAGED {d.object}: {d.problem}" + (f" (backup {d.label})" if d.label else "") for d in damages]
    answer = Answer({"damage": [asdict(d) for d in damages]}, lines or ["every stored byte is what was written"])
    if damages or not then_expire:
        return answer
    expired = expire(command, apply=True)
    return Answer({**answer.data, **expired.data}, [*answer.lines, *expired.lines])


def expire(command: Command, *, apply: bool) -> Answer:
    """Tell which sets go and why, and delete them when asked to."""
    rules, now = command.settings.retention.rules(), command.clock.now()
    verdicts: list[dict[str, object]] = []
    lines: list[str] = []
    with command.engine() as engine:
        for number, _ in engine.settings.repositories.numbered:
            sets = [backup for backup in engine.list_sets() if backup.repository == number]
            plan = plan_retention([as_candidate(backup) for backup in sets], rules, now)
            lines += _tell(plan)
            verdicts += [{"repository": number, **_plain_verdict(plan, label)} for label in _labels(plan)]
            if apply:
                _expire(command, engine, plan, number)
    lines.append("deleted what goes" if apply else "nothing was deleted; --apply does it")
    return Answer({"applied": apply, "verdicts": verdicts}, lines)


def _expire(command: Command, engine: PgBackRest, plan: RetentionPlan, number: int) -> None:
    for verdict in plan.expired:
        engine.expire(verdict.label, repository=number)
        command.log.info("backup.expire.done", label=verdict.label, repository=number, because=verdict.goes_because)
        if command.settings.keys is not None:
            expired(command, verdict.label, verdict.goes_because)
    if plan.continuous_from is not None:
        engine.expire_wal(engine.list_sets(), plan.continuous_from, repository=number)


def hold(command: Command, label: str, reason: str, *, until: datetime | None, end: bool) -> Answer:
    """Keep a set from every rule, or end that."""
    if not end and not reason:
        message = "a hold needs a reason; give --reason"
        raise SetHeldError(message)
    with command.engine() as engine:
        found = _find(engine.list_sets(), label)
        engine.annotate(label, hold_marks("" if end else reason, None if end else until), repository=found.repository)
    told = f"{label} is {'no longer ' if end else ''}held" + (f": {reason}" if not end else "")
    return Answer({"label": label, "held": not end, "reason": reason}, [told])


def restore(
    command: Command, request: RestoreRequest, *, confirmed: bool, dry_run: bool, stopped: bool = False
) -> Answer:
    """Say what would be restored from where, then do it; in place, the old data folder stays beside the new one."""
    in_place = not request.as_clone
    began = command.clock.monotonic()
    with command.engine() as engine:
        if in_place:
            require_stopped(request.folder, known=stopped)
        else:
            engine.require_folder(request)
        chosen = choose_set(engine.list_sets(), request, engine.read_archive)
        told = f"{tell_target(request.target)} from backup {chosen.label} into {request.folder}"
        if dry_run:
            return Answer({"dry_run": True, "backup": chosen.label}, [f"would restore {told}; nothing was touched"])
        if in_place and not confirmed:
            message = f"would restore {told} in place of what is there; give --yes to do it; nothing was touched"
            raise ConfirmationMissingError(message)
        engine.restore(_beside(request) if in_place else request, progress=command.progress)
    kept = swap_in(request.folder, command.clock.now()) if in_place else None
    took_s = round(command.clock.monotonic() - began, 1)
    lines = [f"restored {told} in {took_s} s; start the server, it replays its WAL"]
    lines += [f"what was there is kept in {kept}; delete it when you have looked at the data"] if kept else []
    data = {"backup": chosen.label, "folder": str(request.folder), "seconds": took_s, "kept": str(kept or "")}
    return Answer(data, lines)


def _beside(request: RestoreRequest) -> RestoreRequest:
    work = unfinished_folder(request.folder)
    if work.exists():
        # Left by a restore that was killed; nobody has ever started a server in it.
        shutil.rmtree(work)
    return replace(request, folder=work)


def _windows(engine: PgBackRest, sets: Sequence[BackupSet]) -> list[Window]:
    near = [backup for backup in sets if backup.repository == 1]
    return recoverable_windows(near, engine.read_archive(1)) if near else []


def _find(sets: Sequence[BackupSet], label: str) -> BackupSet:
    found = next((backup for backup in sets if backup.label == label), None)
    if found is None:
        message = f'no backup has the label "{label}"; see `cryo backup list`'
        raise SetUnknownError(message)
    return found


def _labels(plan: RetentionPlan) -> list[str]:
    return [verdict.label for verdict in plan.verdicts]


def _tell(plan: RetentionPlan) -> list[str]:
    lines = []
    for verdict in plan.verdicts:
        kept = ", ".join(f"{r.rule}{f' {r.index}' if r.index else ''}" for r in verdict.kept_by)
        lines.append(f"keep {verdict.label}: {kept}" if kept else f"delete {verdict.label}: {verdict.goes_because}")
    return lines


def _plain_verdict(plan: RetentionPlan, label: str) -> dict[str, object]:
    verdict = next(each for each in plan.verdicts if each.label == label)
    kept = [{"rule": r.rule, "index": r.index, "told": r.told} for r in verdict.kept_by]
    return {"label": label, "kept_by": kept, "goes_because": verdict.goes_because}
