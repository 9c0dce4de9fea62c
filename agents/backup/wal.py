"""Which WAL an archive holds, over timelines, and what is missing in it; pure.

The engine's own verify calls an archive with a missing segment valid (pgBackRest 2.55.1, measured), so continuity is
judged here from the listing alone.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import pairwise

from agents.backup.engine import BackupKind, BackupSet, Lsn
from agents.backup.errors import SetDamagedError

# Cited: PostgreSQL, DEFAULT_XLOG_SEG_SIZE; initdb --wal-segsize changes it, and our image does not.
SEGMENT_BYTES = 16 * 1024 * 1024
_SEGMENT = re.compile(r"(?P<timeline>[0-9A-F]{8})(?P<high>[0-9A-F]{8})(?P<low>[0-9A-F]{8})(?:$|-[0-9a-f]{40})")
_HISTORY = re.compile(r"(?P<timeline>[0-9A-F]{8})\.history(?:\.\w+)?$")
_BITS = 32


@dataclass(frozen=True, slots=True, order=True)
class Segment:
    """One WAL segment: its timeline, and its number, which goes on counting from file to file."""

    timeline: int
    number: int

    @property
    def name(self) -> str:
        """The 24 hexadecimal digits that PostgreSQL calls it."""
        high, low = divmod(self.number, 2**_BITS // SEGMENT_BYTES)
        return f"{self.timeline:08X}{high:08X}{low:08X}"

    @classmethod
    def parse(cls, name: str) -> "Segment | None":
        """Read a file name of an archive, with or without checksum and ending; None for every other file."""
        found = _SEGMENT.match(name)
        if found is None:
            return None
        number = int(found["high"], 16) * (2**_BITS // SEGMENT_BYTES) + int(found["low"], 16)
        return cls(int(found["timeline"], 16), number)

    @classmethod
    def at(cls, timeline: int, lsn: Lsn) -> "Segment":
        """Return the segment that holds a position."""
        return cls(timeline, lsn.position // SEGMENT_BYTES)


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a timeline left the one before it."""

    timeline: int
    """The one that was left."""
    lsn: Lsn


@dataclass(frozen=True, slots=True)
class Gap:
    """Segments that are not in the archive although later ones are."""

    first: Segment
    last: Segment

    def __str__(self) -> str:
        """Name them."""
        count = self.last.number - self.first.number + 1
        return self.first.name if count == 1 else f"{self.first.name} to {self.last.name} ({count} segments)"


@dataclass(frozen=True, slots=True)
class Archive:
    """What one archive holds."""

    segments: Mapping[Segment, datetime]
    """Every segment with the time at which it arrived."""
    histories: Mapping[int, Sequence[Fork]] = field(default_factory=dict)
    """For each timeline with a history file the forks that led to it, oldest first."""

    @property
    def timelines(self) -> frozenset[int]:
        """Every timeline of which there is WAL or a history."""
        return frozenset({segment.timeline for segment in self.segments} | set(self.histories))

    def way_to(self, timeline: int) -> tuple[Fork, ...]:
        """Return the forks from the first timeline to this one.

        Raises:
            SetDamagedError: the history file of the timeline is not in the archive.
        """
        if timeline in self.histories:
            return tuple(self.histories[timeline])
        if timeline == min(self.timelines, default=timeline):
            return ()
        message = f"the archive holds timeline {timeline} but not {timeline:08X}.history; its WAL cannot be followed"
        raise SetDamagedError(message)


@dataclass(frozen=True, slots=True)
class Reach:
    """How far recovery gets from one set."""

    last: Segment | None
    """Last segment before the first gap; None when not even the first needed one is there."""
    until: datetime | None
    """When that segment arrived: every transaction that was committed before and archived is in it or before it."""
    gap: Gap | None
    """What stops recovery; None at the archive's end."""


def read_archive(files: Mapping[str, datetime], histories: Mapping[int, str]) -> Archive:
    """Make sense of a listing.

    Args:
        files: names of files, folders stripped or not, with their times.
        histories: text of each history file by its timeline.
    """
    segments: dict[Segment, datetime] = {}
    for path, moment in files.items():
        segment = Segment.parse(path.rpartition("/")[2])
        if segment is not None:
            segments[segment] = moment
    return Archive(segments, {timeline: parse_history(text) for timeline, text in histories.items()})


def history_timeline(path: str) -> int | None:
    """Return the timeline whose history a file is; None for every other file."""
    found = _HISTORY.match(path.rpartition("/")[2])
    return int(found["timeline"], 16) if found else None


def parse_history(text: str) -> tuple[Fork, ...]:
    """Read a history file: lines of timeline, position and reason, oldest first."""
    lines = (line.split() for line in text.splitlines() if line.strip() and not line.startswith("#"))
    return tuple(Fork(int(fields[0]), Lsn.parse(fields[1])) for fields in lines)


def reach_from(backup: BackupSet, archive: Archive, timeline: int | None = None) -> Reach:
    """Follow the WAL from a set to the first gap.

    Args:
        backup: a physical set.
        archive: of the same repository.
        timeline: the one to end on; None takes the latest that leads through the set.

    Raises:
        SetDamagedError: a history file that is needed is missing.
    """
    first = _first_needed(backup)
    goal = timeline if timeline is not None else latest_timeline(backup, archive)
    stop = Segment.parse(backup.wal_stop or "") or first
    ends = [segment.number for segment in archive.segments if segment.timeline == goal]
    # A set needs its own WAL even where the archive ends before it.
    last_number = max([*ends, stop.number if goal == stop.timeline else 0])
    reached: Segment | None = None
    for segment in _walk(first, goal, last_number, archive):
        if segment not in archive.segments:
            later = (s.number for s in archive.segments if s.number > segment.number and s.timeline == segment.timeline)
            end = min(later, default=segment.number + 1) - 1
            return _reach(reached, archive, Gap(segment, Segment(segment.timeline, max(end, segment.number))))
        reached = segment
    return _reach(reached, archive, None)


def latest_timeline(backup: BackupSet, archive: Archive) -> int:
    """Return the highest timeline that leads through a set, which is what recovery to `latest` follows."""
    own = _first_needed(backup)
    end = Segment.parse(backup.wal_stop or "") or own
    through = [own.timeline]
    for timeline, forks in archive.histories.items():
        left = next((fork.lsn for fork in forks if fork.timeline == own.timeline), None)
        if left is not None and left.position // SEGMENT_BYTES >= end.number:
            through.append(timeline)
    return max(through)


def continuity_start(sets: Iterable[BackupSet], planned: str | None) -> str | None:
    """Return the set from which WAL has to be there without a hole, whatever retention has deleted before it.

    Args:
        sets: physical sets of one repository.
        planned: the set from which retention keeps every moment.

    Returns:
        The newer of that set and the newest full one: a plan that went back, because a proof was lost, cannot bring
        back WAL that an earlier plan let go, and its absence is no damage.
    """
    starts = [backup for backup in sets if backup.kind is BackupKind.FULL or backup.label == planned]
    return max(starts, key=lambda backup: backup.finished_at).label if starts else None


def find_gaps(sets: Iterable[BackupSet], archive: Archive, continuous_from: str | None = None) -> dict[str, Gap]:
    """Return for each set what stops it from becoming consistent, or from going on where WAL has to be continuous.

    Args:
        sets: physical sets of the archive's repository.
        archive: what is there.
        continuous_from: label of the oldest set from which every later moment has to be reachable; None checks only
            that each set becomes consistent by itself.
    """
    ordered = sorted(sets, key=lambda backup: backup.finished_at)
    labels = [backup.label for backup in ordered]
    begin = labels.index(continuous_from) if continuous_from in labels else len(labels)
    gaps: dict[str, Gap] = {}
    for index, backup in enumerate(ordered):
        own = _own_gap(backup, archive)
        reach = reach_from(backup, archive) if index >= begin and own is None else None
        gap = own or (reach.gap if reach else None)
        if gap is not None:
            gaps[backup.label] = gap
    return gaps


def _own_gap(backup: BackupSet, archive: Archive) -> Gap | None:
    first = _first_needed(backup)
    last = Segment.parse(backup.wal_stop or "") or first
    missing = [
        Segment(first.timeline, number)
        for number in range(first.number, last.number + 1)
        if Segment(first.timeline, number) not in archive.segments
    ]
    if not missing:
        return None
    joined = missing[:1] + [b for a, b in pairwise(missing) if b.number == a.number + 1]
    return Gap(missing[0], joined[-1])


def _walk(first: Segment, goal: int, last_number: int, archive: Archive) -> Iterable[Segment]:
    """Yield every segment that recovery reads from the first one to the end of the goal's timeline."""
    forks = archive.way_to(goal) if goal != first.timeline else ()
    left = {fork.timeline: fork.lsn.position // SEGMENT_BYTES for fork in forks}
    order = [fork.timeline for fork in forks if fork.timeline >= first.timeline] + [goal]
    number = first.number
    for timeline in order:
        # The segment of the fork exists on both; recovery reads the newer one's.
        end = left[timeline] if timeline in left else last_number + 1
        while number < end:
            yield Segment(timeline, number)
            number += 1


def _reach(last: Segment | None, archive: Archive, gap: Gap | None) -> Reach:
    return Reach(last, archive.segments[last] if last is not None else None, gap)


def _first_needed(backup: BackupSet) -> Segment:
    found = Segment.parse(backup.wal_start or "")
    if found is None:
        message = f"backup {backup.label} does not say which WAL it begins with; take a new set"
        raise SetDamagedError(message)
    return found
