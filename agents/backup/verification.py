"""Climbs the ladder of proof with one set; each level returns what is wrong, and an empty answer is proof.

Nothing here changes the source or the repository: a set is restored into a throw-away server, looked at and dropped.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from agents.backup.contents import Limits, read_contents, snapshot
from agents.backup.differences import compare
from agents.backup.engine import Engine, Lsn, Progress, RestoreRequest, RestoreTarget, ToImmediate, ToLsn
from agents.backup.errors import BackupError
from agents.backup.instance import SUPERUSER, Instance, Workshop, private_folder, running
from agents.backup.levels import Level, Means, Outcome, Planned, level_reached, plan_levels
from agents.backup.manifest import LevelResult, Manifest, Proof, manifest_digest, refuse_foreign, refuse_stale
from agents.backup.pages import check_indexes, check_pages, read_files
from agents.backup.programs import Programs, find_programs
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError

_LEVELS_OF_A_RESTORE = (Level.RESTORE, Level.PAGES, Level.CONTENTS)
_TOLD = 20


class Manifests(Protocol):
    """Where the signed descriptions of sets are."""

    def open(self, label: str) -> Manifest:
        """Return one after its signature was checked."""

    def read_manifest(self, label: str) -> bytes:
        """Return the signed file."""


@dataclass(frozen=True, slots=True)
class Expected:
    """What a manifest must agree with; None means that it is not known and not asked."""

    system_identifier: str | None = None
    database: str | None = None
    manifest_sha256: str | None = None
    """As the catalogue remembers it."""
    max_age: timedelta | None = None
    """Of the newest set."""
    max_skew: timedelta = timedelta(minutes=5)
    """Chosen: clocks that are kept by NTP differ by milliseconds."""


@dataclass(frozen=True, slots=True)
class Subject:
    """A repository to verify sets of."""

    engine: Engine
    manifests: Manifests
    workshop: Workshop
    means: Means
    superuser: str = SUPERUSER
    """Of a restored server."""
    find_gaps: Callable[[str], Sequence[str]] = lambda _label: ()
    """What the archive lacks for a set."""
    recover_to_marker: Callable[[str], Sequence[str]] = lambda _label: ()
    """Recovers to a random moment and says what differs from the marker rows."""
    compare_copies: Callable[[str], Sequence[str]] = lambda _label: ()
    """What differs in the second repository."""
    jobs: int = 2
    limits: Limits = field(default_factory=Limits)


def verify(subject: Subject, label: str, *, up_to: Level, expected: Expected, progress: Progress) -> Proof:
    """Climb as far as the set allows.

    Args:
        subject: the repository.
        label: of the set.
        up_to: highest level to try.
        expected: what the manifest must agree with.
        progress: told how far the restore is.

    Returns:
        The outcome of every level with its reasons; a damaged set is an answer, not an error.

    Raises:
        SetUnknownError: there is no such set.
        RepositoryUnavailableError: the store failed, which says nothing about the set.
    """
    now = subject.workshop.clock.now()
    content = subject.manifests.read_manifest(label)
    climb = _Climb(subject, label, expected, progress)
    results = tuple(climb.try_all(plan_levels(up_to, subject.means)))
    reached = level_reached([(Level(result.level), result.outcome) for result in results])
    return Proof(
        label=label,
        manifest_sha256=manifest_digest(content),
        verified_at=now,
        reached=reached or Level.MANIFEST,
        levels=results,
    )


class _Climb:
    """One verification of one set."""

    def __init__(self, subject: Subject, label: str, expected: Expected, progress: Progress) -> None:
        self._subject = subject
        self._label = label
        self._expected = expected
        self._progress = progress
        self._manifest: Manifest | None = None

    def try_all(self, planned: Sequence[Planned]) -> Iterator[LevelResult]:
        """Try each level in order; what needs a failed one is skipped."""
        by_level = {plan.level: plan for plan in planned}
        checks: dict[Level, Callable[[], Sequence[str]]] = {
            Level.MANIFEST: self._check_manifest,
            Level.WAL: lambda: self._subject.find_gaps(self._label),
            Level.REPOSITORY: self._check_repository,
        }
        for level, check in checks.items():
            yield self._try(by_level[level], check)
        yield from self._try_restore([by_level[level] for level in _LEVELS_OF_A_RESTORE])
        yield self._try(by_level[Level.MOMENT], lambda: self._subject.recover_to_marker(self._label))
        yield self._try(by_level[Level.COPY], lambda: self._subject.compare_copies(self._label))

    def _try(self, plan: Planned, check: Callable[[], Sequence[str]]) -> LevelResult:
        if plan.outcome != "try":
            return LevelResult(plan.level, plan.outcome, (plan.because,), 0.0)
        began_s = self._subject.workshop.clock.monotonic()
        try:
            problems = tuple(check())[:_TOLD]
        except (BackupError, DatabaseRefusedError, DatabaseUnavailableError) as error:
            problems = (str(error),)
        return self._result(plan.level, problems, began_s)

    def _result(self, level: Level, problems: Sequence[str], began_s: float) -> LevelResult:
        outcome: Outcome = "failed" if problems else "passed"
        duration_s = round(self._subject.workshop.clock.monotonic() - began_s, 3)
        return LevelResult(level, outcome, tuple(problems), duration_s)

    def _check_manifest(self) -> Sequence[str]:
        expected, where = self._expected, f"manifest of {self._label}"
        manifest = self._manifest = self._subject.manifests.open(self._label)
        found = manifest_digest(self._subject.manifests.read_manifest(self._label))
        if expected.manifest_sha256 not in (None, found):
            return (f"{where}: is not the one that the catalogue remembers; the set was replaced",)
        if expected.system_identifier is not None:
            database = expected.database or manifest.contents.source.database
            refuse_foreign(manifest, system_identifier=expected.system_identifier, database=database, where=where)
        if expected.max_age is not None:
            now = self._subject.workshop.clock.now()
            refuse_stale(manifest, now=now, max_age=expected.max_age, max_skew=expected.max_skew, where=where)
        return ()

    def _check_repository(self) -> Sequence[str]:
        found = self._subject.engine.find_damage(self._label)
        return tuple(f"{damage.object}: {damage.problem}" for damage in found)

    def _try_restore(self, planned: Sequence[Planned]) -> Iterator[LevelResult]:
        restore, pages, contents = planned
        if self._manifest is None and restore.outcome == "try":
            for plan in planned:
                yield LevelResult(plan.level, "skipped", ("without a manifest nothing can be compared",), 0.0)
            return
        if restore.outcome != "try":
            for plan in planned:
                yield self._try(plan, lambda: ())
            return
        yield from self._look_at_restored(restore, pages, contents)

    def _look_at_restored(self, restore: Planned, pages: Planned, contents: Planned) -> Sequence[LevelResult]:
        """Restore and start once; contents come before amcheck, which would be an extension more in the schema."""
        subject, manifest = self._subject, self._manifest
        if manifest is None:
            raise AssertionError(self._label)
        programs = find_programs(manifest.contents.source.major)
        began_s = subject.workshop.clock.monotonic()
        try:
            with private_folder(subject.workshop.scratch) as folder:
                request = RestoreRequest(folder / "data", target=_moment_of(manifest), label=self._label)
                subject.engine.restore(request, progress=self._progress)
                with running(folder, programs, subject.workshop, superuser=subject.superuser) as instance:
                    restored = self._result(restore.level, (), began_s)
                    look = _Look(subject, manifest, instance, programs)
                    compared = self._try(contents, look.compare)
                    indexes = self._try(pages, look.check_indexes)
                checksums = self._try(pages, look.check_pages)
        except (BackupError, DatabaseRefusedError, DatabaseUnavailableError) as error:
            failed = self._result(restore.level, (str(error),), began_s)
            skipped = ("the set could not be restored",)
            return failed, *(LevelResult(plan.level, "skipped", skipped, 0.0) for plan in (pages, contents))
        return restored, _join(indexes, checksums), compared


def _moment_of(manifest: Manifest) -> RestoreTarget:
    """Return the moment at which a restored server holds what the manifest says."""
    if manifest.wal is None or manifest.wal.lsn_contents is None:
        return ToImmediate()
    return ToLsn(Lsn.parse(manifest.wal.lsn_contents))


def _join(one: LevelResult, other: LevelResult) -> LevelResult:
    because = tuple(dict.fromkeys((*one.because, *other.because)))
    outcome: Outcome = "failed" if "failed" in (one.outcome, other.outcome) else one.outcome
    return LevelResult(one.level, outcome, because, round(one.duration_s + other.duration_s, 3))


@dataclass(slots=True)
class _Look:
    """What is looked at in a restored server."""

    subject: Subject
    manifest: Manifest
    instance: Instance
    programs: Programs
    files: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> str:
        return self.manifest.contents.source.database

    def compare(self) -> Sequence[str]:
        with self.instance.connect(self.database) as conn, snapshot(conn, self.subject.limits):
            found = read_contents(conn)
        return tuple(
            f"{each.object}: {each.problem}"
            for each in compare(self.manifest.contents, found, recovered=self.manifest.wal is not None)
        )

    def check_indexes(self) -> Sequence[str]:
        with self.instance.connect(self.database) as conn:
            self.files = read_files(conn)
        return check_indexes(self.instance, self.programs, database=self.database, jobs=self.subject.jobs)

    def check_pages(self) -> Sequence[str]:
        return check_pages(self.instance.data, self.programs, self.files) or ()
