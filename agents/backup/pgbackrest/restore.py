"""Which set a restore begins with, whether its target can be reached, and the options that say so; pure."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from agents.backup.engine import (
    BackupSet,
    RestoreRequest,
    RestoreTarget,
    ToImmediate,
    ToLatest,
    ToLsn,
    ToName,
    ToTime,
)
from agents.backup.errors import SetUnknownError, TargetUnreachableError
from agents.backup.wal import SEGMENT_BYTES, Archive, Reach, reach_from
from agents.runtime.clock import format_rfc3339

# Measured: pgBackRest 2.55 writes the end of a set in whole seconds, rounded down. PostgreSQL refuses to start for a
# target between that second's begin and the position at which the set is consistent.
_ROUNDED = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Window:
    """What one repository can bring back, as one unbroken span of time."""

    begin: datetime
    """When the oldest set of the span became consistent."""
    end: datetime
    """When the last WAL of the span arrived."""
    begins_with: str
    """Label of that set."""


def recoverable_windows(sets: Sequence[BackupSet], archive: Archive) -> list[Window]:
    """Return the spans of time that can be reached, oldest first; a gap in the WAL ends one."""
    windows: list[Window] = []
    for backup in sorted(sets, key=lambda each: each.finished_at):
        reach = reach_from(backup, archive)
        end = max(reach.until, backup.finished_at) if reach.until and _is_consistent(backup, reach) else None
        if end is None:
            continue
        if windows and windows[-1].end >= end:
            continue
        if windows and windows[-1].end >= backup.finished_at:
            windows[-1] = Window(windows[-1].begin, end, windows[-1].begins_with)
        else:
            begin = consistent_from(backup)
            windows.append(Window(begin, max(begin, end), backup.label))
    return windows


def choose_set(sets: Sequence[BackupSet], request: RestoreRequest, read_archive: Callable[[int], Archive]) -> BackupSet:
    """Return the newest set from which the target is reached; nothing is touched here.

    Raises:
        SetUnknownError: the label that was asked for is not listed.
        TargetUnreachableError: no set reaches the target; the message says what can be reached.
    """
    wanted = [backup for backup in sets if request.label in (None, backup.label) and backup.wal_start is not None]
    if not wanted:
        told = f'no backup has the label "{request.label}"' if request.label else "the repositories hold no backup"
        message = f"{told}; nothing was touched"
        raise SetUnknownError(message)
    archives = {number: read_archive(number) for number in sorted({backup.repository for backup in wanted})}
    because: list[str] = []
    # The near repository first, and in it the newest set: the least WAL is replayed.
    for backup in sorted(wanted, key=lambda each: (each.repository, -each.finished_at.timestamp())):
        archive = archives[backup.repository]
        obstacle = find_obstacle(backup, request.target, archive)
        if obstacle is None:
            return backup
        because.append(f"{backup.label}: {obstacle}")
    reachable = [
        f"{format_rfc3339(window.begin)} to {format_rfc3339(window.end)}"
        for number, archive in archives.items()
        for window in recoverable_windows([each for each in wanted if each.repository == number], archive)
    ]
    message = (
        f"{tell_target(request.target)} cannot be reached, nothing was touched. "
        f"Reachable: {'; '.join(reachable) or 'nothing'}. {'; '.join(because[:5])}"
    )
    raise TargetUnreachableError(message)


def consistent_from(backup: BackupSet) -> datetime:
    """Return the first moment that a set surely leads to."""
    return backup.finished_at + _ROUNDED


def find_obstacle(backup: BackupSet, target: RestoreTarget, archive: Archive) -> str | None:
    """Return why a set does not lead to a target; None when it does, as far as the archive tells."""
    if target.timeline is not None and target.timeline not in archive.timelines:
        return f"the archive holds no timeline {target.timeline}"
    reach = reach_from(backup, archive, target.timeline)
    if not _is_consistent(backup, reach):
        return f"its own WAL is missing ({reach.gap})"
    if _is_before(backup, target):
        return f"became consistent later, {format_rfc3339(consistent_from(backup))} at {backup.lsn_stop}"
    return _tell_end(reach) if _is_after(reach, target, archive) else None


def _is_before(backup: BackupSet, target: RestoreTarget) -> bool:
    match target:
        case ToTime(moment=moment):
            return moment < consistent_from(backup)
        case ToLsn(lsn=lsn):
            return backup.lsn_stop is not None and lsn < backup.lsn_stop
        case _:
            return False


def _is_after(reach: Reach, target: RestoreTarget, archive: Archive) -> bool:
    match target:
        case ToTime(moment=moment):
            return reach.until is None or moment > reach.until
        case ToLsn(lsn=lsn):
            return reach.last is None or lsn.position >= (reach.last.number + 1) * SEGMENT_BYTES
        case ToLatest() | ToName():
            # A gap would make recovery end early without a word.
            return _archive_goes_on(reach, archive)
        case ToImmediate():
            return False


def restore_options(request: RestoreRequest, chosen: BackupSet, restore_command: str) -> list[str]:
    """Return the options of `pgbackrest restore`.

    Args:
        request: what shall come back.
        chosen: the set to begin with.
        restore_command: how the server fetches WAL when it is not a clone: with its own configuration, because the
            one of this restore is gone by then.
    """
    target = request.target
    options = [f"--repo={chosen.repository}", f"--set={chosen.label}"]
    match target:
        case ToTime(moment=moment):
            options += ["--type=time", f"--target={moment.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f+00}"]
        case ToLsn(lsn=lsn):
            options += ["--type=lsn", f"--target={lsn}"]
        case ToName(name=name):
            options += ["--type=name", f"--target={name}"]
        case ToImmediate():
            options.append("--type=immediate")
        case ToLatest():
            options.append("--type=default")
    if not isinstance(target, ToLatest):
        options.append("--target-action=promote")
    if target.timeline is not None:
        options.append(f"--target-timeline={target.timeline}")
    if request.delta:
        options.append("--delta")
    if request.as_clone:
        # A clone that archives into the repository that it came from ruins it.
        options.append("--archive-mode=off")
    else:
        options.append(f"--recovery-option=restore_command={restore_command}")
    return options


def tell_target(target: RestoreTarget) -> str:
    """Return the target in words."""
    match target:
        case ToTime(moment=moment):
            told = f"the time {format_rfc3339(moment)}"
        case ToLsn(lsn=lsn):
            told = f"the position {lsn}"
        case ToName(name=name):
            told = f'the restore point "{name}"'
        case ToImmediate():
            told = "the end of the set"
        case ToLatest():
            told = "the latest moment"
    return told if target.timeline is None else f"{told} on timeline {target.timeline}"


def _is_consistent(backup: BackupSet, reach: Reach) -> bool:
    return reach.last is not None and (backup.wal_stop is None or reach.last.name[8:] >= backup.wal_stop[8:])


def _archive_goes_on(reach: Reach, archive: Archive) -> bool:
    return reach.gap is not None and any(segment.number > reach.gap.last.number for segment in archive.segments)


def _tell_end(reach: Reach) -> str:
    until = format_rfc3339(reach.until) if reach.until else "nothing"
    return f"WAL reaches {until}" + (f", then {reach.gap} is missing" if reach.gap else "")
