"""The ladder of proof for one physical set: what each level needs of the repository, and where the proof is kept."""

import random
import secrets
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from structlog.typing import FilteringBoundLogger

from agents.backup.catalogue import Catalogue
from agents.backup.engine import BackupSet, Progress, RestoreRequest, ToTime
from agents.backup.errors import ManifestRefusedError, SetUnknownError
from agents.backup.instance import Workshop, private_folder, running
from agents.backup.levels import Level, Means
from agents.backup.manifest import Proof
from agents.backup.markers import choose_moment, judge
from agents.backup.pgbackrest.restore import recoverable_windows
from agents.backup.physical_sets import PhysicalSets
from agents.backup.programs import find_programs
from agents.backup.recording import NO_DATABASE, remember
from agents.backup.settings import BackupSettings
from agents.backup.verification import Subject, verify
from agents.backup.wal import continuity_start, find_gaps
from agents.runtime.clock import Clock
from agents.runtime.postgres import Connection
from agents.runtime.settings import Identity

_SUPERUSER = "postgres"


class Prover(Protocol):
    """What proving needs of a command."""

    @property
    def log(self) -> FilteringBoundLogger:
        """Where it is told that a proof could not be recorded."""

    @property
    def clock(self) -> Clock:
        """The time."""

    @property
    def identity(self) -> Identity:
        """Who proves."""

    @property
    def settings(self) -> BackupSettings:
        """Of the repositories."""

    @property
    def progress(self) -> Progress:
        """Told how far a restore is."""

    @property
    def connected(self) -> Callable[[], AbstractContextManager[Connection]]:
        """Connects to the live database."""


def prove(prover: Prover, sets: PhysicalSets, scratch: Path, label: str | None) -> tuple[Proof, BackupSet]:
    """Climb every level with a set, keep the proof beside it and in the catalogue.

    Args:
        prover: of the command.
        sets: manifests of the near repository.
        scratch: with room for the database.
        label: of the set; None takes the newest that has a manifest.

    Raises:
        SetUnknownError: there is no such set.
    """
    near = [each for each in sets.engine.list_sets() if each.repository == sets.repository]
    backup = _choose(sets, near, label)
    run = _Run(prover, sets, near, Workshop(scratch, prover.clock, prover.log))
    expected = remember(prover, backup.label)
    if backup.label == near[-1].label:
        expected = replace(expected, max_age=timedelta(hours=prover.settings.max_age_h))
    proof = verify(run.subject(backup), backup.label, up_to=Level.COPY, expected=expected, progress=prover.progress)
    sets.put_proof(proof)
    try:
        with prover.connected() as conn:
            if Catalogue.exists(conn):
                Catalogue(conn).record_proof(proof)
    except (SetUnknownError, *NO_DATABASE) as error:
        prover.log.warning("backup.verify.unrecorded", label=proof.label, reason=str(error))
    return proof, backup


def _choose(sets: PhysicalSets, near: Sequence[BackupSet], label: str | None) -> BackupSet:
    wanted = [each for each in near if label in (None, each.label)]
    for each in reversed(wanted):
        if label is not None or sets.has_manifest(each.label):
            return each
    told = (
        f'no backup has the label "{label}"' if label else "no backup has a manifest; take one with `cryo backup run`"
    )
    raise SetUnknownError(told)


@dataclass(frozen=True, slots=True)
class _Run:
    prover: Prover
    sets: PhysicalSets
    near: Sequence[BackupSet]
    workshop: Workshop

    def subject(self, backup: BackupSet) -> Subject:
        """Say how each level is tried with a set."""
        archive = self.sets.engine.read_archive(self.sets.repository)
        windows = recoverable_windows(self.near, archive)
        moment = choose_moment(self.near, windows, random.Random(secrets.randbits(64)))  # noqa: S311 - no secret
        try:
            wal = self.sets.open(backup.label).wal
        except ManifestRefusedError:
            wal = None  # level 0 tells why
        means = Means(
            physical=True,
            can_open=True,
            has_markers=moment is not None,
            has_far_copy=False,
            has_contents=wal is not None and wal.lsn_contents is not None,
        )

        def gaps(label: str) -> Sequence[str]:
            found = find_gaps(self.near, archive, continuity_start(self.near, None))
            return [f"WAL {gap} is missing" for name, gap in found.items() if name == label]

        return Subject(
            self.sets.engine,
            self.sets,
            self.workshop,
            means,
            superuser=_SUPERUSER,
            find_gaps=gaps,
            recover_to_marker=lambda label: self.recover(label, moment) if moment is not None else (),
        )

    def recover(self, label: str, moment: datetime) -> Sequence[str]:
        """Restore to a moment and compare the marker rows."""
        contents = self.sets.open(label).contents
        with private_folder(self.workshop.scratch) as folder:
            request = RestoreRequest(folder / "data", ToTime(moment))
            self.sets.engine.restore(request, progress=self.prover.progress)
            programs = find_programs(contents.source.major)
            with (
                running(folder, programs, self.workshop, superuser=_SUPERUSER) as instance,
                instance.connect(contents.source.database) as conn,
            ):
                labels = [entry.label for entry in Catalogue(conn).read()] if Catalogue.exists(conn) else []
        return judge(self.near, labels, moment)
