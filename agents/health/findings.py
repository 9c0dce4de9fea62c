"""What a run of checks found: the one model that the command, the API, the page and the metrics show; pure."""

from collections import Counter
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from agents.health.definition import Check, Fix, Profile, Severity


class Status(StrEnum):
    """How one check, or all of them, ended. Skipped is not ok: nothing was looked at."""

    OK = "ok"
    SKIPPED = "skipped"
    INFO = "info"
    WARN = "warn"
    UNKNOWN = "unknown"
    """It was looked at and gave no answer: an error, or time ran out."""
    CRITICAL = "critical"

    @property
    def rank(self) -> int:
        """Place from best to worst; unknown is worse than a warning, because it may hide anything."""
        return list(Status).index(self)


# Chosen: 2 stays typer's code for wrong usage; the worse, the larger.
EXIT_CODES = {Status.WARN: 1, Status.UNKNOWN: 3, Status.CRITICAL: 4}

Evidence = dict[str, Any]


class Finding(msgspec.Struct, frozen=True, omit_defaults=True):
    """One object that a check found wanting."""

    object: str
    severity: Severity
    evidence: Evidence
    value: float | None = None
    fix_sql: str | None = None
    """The statement that would mend it, ready to copy."""


class Accepted(msgspec.Struct, frozen=True):
    """A finding that somebody looked at and lets stand."""

    object: str
    reason: str


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How one check ended."""

    id: str
    group: str
    title: str
    status: Status
    meaning: str
    remedy: str
    unit: str | None = None
    warn: float | None = None
    critical: float | None = None
    findings: tuple[Finding, ...] = ()
    """The worst of them, capped."""
    total: int = 0
    """All of them."""
    accepted: tuple[Accepted, ...] = ()
    reason: str | None = None
    """Why it was skipped or gave no answer."""
    fix: Fix | None = None
    duration_ms: float = 0.0


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """How one run ended."""

    status: Status
    profile: Profile
    groups: tuple[str, ...]
    taken_at: str
    duration_ms: float
    database: str
    server_version: str | None
    counts: dict[str, int]
    """Checks by status."""
    outcomes: tuple[Outcome, ...]

    @property
    def exit_code(self) -> int:
        """The process's answer: 0 up to info, 1 warn, 3 unknown, 4 critical."""
        return EXIT_CODES.get(self.status, 0)


class Acceptance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One line of the list of findings that may stand."""

    check: str
    object: str
    reason: str


def worst(statuses: Iterable[Status]) -> Status:
    """Return the worst status; a run in which everything was skipped is unknown, never ok."""
    found = set(statuses)
    if not found or found == {Status.SKIPPED}:
        return Status.UNKNOWN
    return max(found - {Status.SKIPPED}, key=lambda each: each.rank)


def count_statuses(outcomes: Iterable[Outcome]) -> dict[str, int]:
    """Count checks by status, zeros included."""
    counted = Counter(outcome.status for outcome in outcomes)
    return {status.value: counted[status] for status in Status}


def judge(
    check: Check, rows: Sequence[dict[str, object]], total: int, *, accept: Sequence[Acceptance], duration_ms: float
) -> Outcome:
    """Turn a check's rows into its outcome.

    Args:
        check: what was asked.
        rows: the worst rows, each with `object` and its evidence.
        total: how many rows there were.
        accept: what may stand, of any check.
        duration_ms: how long the database took.
    """
    allowed = {each.object: each.reason for each in accept if each.check == check.id}
    findings = [_find(check, row) for row in rows]
    standing = [each for each in findings if each.object not in allowed]
    accepted = tuple(Accepted(each.object, allowed[each.object]) for each in findings if each.object in allowed)
    return describe(
        check,
        worst([Status.OK, *(Status(each.severity.value) for each in standing)]),
        findings=tuple(standing),
        total=total - len(accepted),
        accepted=accepted,
        duration_ms=duration_ms,
    )


def describe(check: Check, status: Status, **told: object) -> Outcome:
    """Write an outcome with what its check says of itself."""
    limits = check.threshold
    return msgspec.structs.replace(
        Outcome(
            id=check.id,
            group=check.group,
            title=check.title,
            status=status,
            meaning=check.meaning,
            remedy=check.remedy,
            unit=limits.unit if limits else None,
            warn=limits.warn if limits else None,
            critical=limits.critical if limits else None,
            fix=check.fix,
        ),
        **told,
    )


def _find(check: Check, row: dict[str, object]) -> Finding:
    value = row.get("value")
    number = float(value) if isinstance(value, int | float) else None
    fix_sql = row.get("fix_sql")
    return Finding(
        object=str(row["object"]),
        severity=check.severity_of(number),
        evidence={name: row.get(name) for name in check.evidence},
        value=number,
        fix_sql=str(fix_sql) if fix_sql is not None else None,
    )
