"""Reports over time as values: what a list shows, what changed since the one before, and the trend; pure."""

from collections.abc import Iterable, Sequence

import msgspec

from agents.health.findings import Report, Status


class Entry(msgspec.Struct, frozen=True):
    """One report in a list."""

    id: int
    created_at: str
    profile: str
    status: Status
    duration_ms: int
    found: dict[str, int]
    """Findings by group."""


class Difference(msgspec.Struct, frozen=True):
    """What changed since the report before."""

    appeared: tuple[str, ...]
    """Findings as `check: object`."""
    gone: tuple[str, ...]


class StoredReport(msgspec.Struct, frozen=True):
    """One report with what changed since the one before of the same profile."""

    id: int
    report: Report
    difference: Difference | None
    """None when it is the first."""


def compare_reports(before: Report, after: Report) -> Difference:
    """Name the findings that are new and those that are gone; what was not looked at in both is left out."""
    looked = _looked_at(before) & _looked_at(after)
    old, new = _names(before, looked), _names(after, looked)
    return Difference(tuple(sorted(new - old)), tuple(sorted(old - new)))


def trend(entries: Sequence[Entry]) -> dict[str, list[int]]:
    """Return the findings of each group over time, oldest first."""
    oldest_first = list(reversed(entries))
    groups = sorted({group for entry in oldest_first for group in entry.found})
    return {group: [entry.found.get(group, 0) for entry in oldest_first] for group in groups}


def _looked_at(report: Report) -> set[str]:
    return {each.id for each in report.outcomes if each.status not in {Status.SKIPPED, Status.UNKNOWN}}


def _names(report: Report, checks: Iterable[str]) -> set[str]:
    wanted = set(checks)
    return {f"{each.id}: {found.object}" for each in report.outcomes if each.id in wanted for found in each.findings}
