"""The nightly proof: the newest set is restored into a server of its own, looked at, timed, and thrown away."""

from dataclasses import dataclass
from pathlib import Path

from agents.backup.commands import Answer, Command
from agents.backup.engine import BackupSet, RestoreRequest, RestoreTarget, ToLatest
from agents.backup.errors import SetDamagedError
from agents.backup.instance import Workshop, private_folder, running
from agents.backup.levels import Level
from agents.backup.marks import RTO, verification_marks, verified_level
from agents.backup.pages import check_indexes, check_pages, read_files
from agents.backup.pgbackrest.engine import PgBackRest
from agents.backup.physical_sets import PhysicalSets
from agents.backup.programs import find_programs
from agents.backup.proving import prove

DATABASE = "cryoprotect"
_SUPERUSER = "postgres"
_MAJOR = 17
_JOBS = 2
_TOLD = 5


@dataclass(frozen=True, slots=True)
class Drilled:
    """How a drill went."""

    backup: BackupSet
    level: Level
    findings: tuple[str, ...]
    rto_s: float
    """From the first byte fetched to a server that answers at the target; 0 when nothing was restored."""


def drill(command: Command, scratch: Path, *, target: RestoreTarget | None = None, label: str | None = None) -> Answer:
    """Restore, look, and mark the set with the level that it reached and with what the restore took.

    Raises:
        SetDamagedError: what came back is damaged; the set is marked so before.
    """
    with command.engine() as engine:
        sets = command.physical_sets(engine)
        if sets is None or target is not None:
            done = _drill(command, engine, scratch, target or ToLatest(), label)
        else:
            done = _climb(command, sets, scratch, label)
        told = "; ".join(done.findings)[:200].replace("\n", " ")
        marks = verification_marks(
            0 if done.findings else max(done.level, verified_level(done.backup)), command.clock.now(), damage=told
        )
        if done.rto_s > 0:
            marks |= {RTO: f"{done.rto_s:.1f}"}
        engine.annotate(done.backup.label, marks, repository=done.backup.repository)
    budget_s = command.settings.rto_budget_s
    if done.findings:
        message = f"backup {done.backup.label} is damaged: {'; '.join(done.findings[:_TOLD])}; take a full backup now"
        raise SetDamagedError(message)
    verdict = "within" if done.rto_s <= budget_s else "OVER"
    lines = [
        f"backup {done.backup.label} was restored, started and read: level {done.level.value}",
        f"RTO {done.rto_s:.1f} s, {verdict} the budget of {budget_s:.0f} s",
    ]
    data = {"backup": done.backup.label, "level": done.level.value, "rto_s": done.rto_s, "rto_budget_s": budget_s}
    return Answer(data, lines)


def _climb(command: Command, sets: PhysicalSets, scratch: Path, label: str | None) -> Drilled:
    """Climb the whole ladder with the newest set that has a manifest, and keep the proof beside it."""
    proof, backup = prove(command, sets, scratch, label)
    found = tuple(
        f"level {each.level}: {told}" for each in proof.levels if each.outcome == "failed" for told in each.because
    )
    rto_s = next(each.duration_s for each in proof.levels if each.level == Level.RESTORE)
    return Drilled(backup, Level(proof.reached), found, rto_s)


def _drill(command: Command, engine: PgBackRest, scratch: Path, target: RestoreTarget, label: str | None) -> Drilled:
    programs = find_programs(_MAJOR)
    workshop = Workshop(scratch, command.clock, command.log)
    with private_folder(scratch) as folder:
        began = command.clock.monotonic()
        request = RestoreRequest(folder / "data", target, label=label)
        chosen = engine.restore(request, progress=command.progress)
        with running(folder, programs, workshop, superuser=_SUPERUSER) as instance:
            with instance.connect(DATABASE) as conn:
                # It answers only now: until recovery ends nobody can connect.
                rto_s = command.clock.monotonic() - began
                files = read_files(conn)
            findings = check_indexes(instance, programs, database=DATABASE, jobs=_JOBS)
        pages = check_pages(folder / "data", programs, files)
    # None: the cluster was made without page checksums, so pages cannot be judged.
    level = Level.RESTORE if pages is None else Level.PAGES
    return Drilled(chosen, level, (*findings, *(pages or ())), rto_s)
