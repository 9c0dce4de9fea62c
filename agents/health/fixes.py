"""What may be done about findings: a plan of statements, each from the allow-list, under a hash that names it; pure."""

import hashlib
from collections.abc import Iterable, Mapping

import msgspec

from agents.health.definition import Fix
from agents.health.findings import Outcome

# Cited: the table of lock modes in PostgreSQL's documentation of explicit locking, and each command's own page.
LOCKS: Mapping[Fix, str] = {
    Fix.ANALYZE: "SHARE UPDATE EXCLUSIVE: reads and writes go on",
    Fix.VACUUM: "SHARE UPDATE EXCLUSIVE: reads and writes go on",
    Fix.REINDEX: "SHARE UPDATE EXCLUSIVE: reads and writes go on",
    Fix.DROP_INVALID_INDEX: "SHARE UPDATE EXCLUSIVE: reads and writes go on",
    Fix.CREATE_INDEX: "SHARE UPDATE EXCLUSIVE: reads and writes go on",
    Fix.VALIDATE: "SHARE UPDATE EXCLUSIVE on the child, ROW SHARE on the parent: reads and writes go on",
    Fix.TERMINATE_IDLE: "none",
}
# How each statement of the allow-list begins: a check whose SQL says anything else is refused.
_BEGINNINGS: Mapping[Fix, str] = {
    Fix.ANALYZE: "analyze ",
    Fix.VACUUM: "vacuum ",
    Fix.REINDEX: "reindex index concurrently ",
    Fix.DROP_INVALID_INDEX: "drop index concurrently ",
    Fix.CREATE_INDEX: "create index concurrently on ",
    Fix.VALIDATE: "alter table ",
    Fix.TERMINATE_IDLE: "select pg_terminate_backend(",
}


class Step(msgspec.Struct, frozen=True):
    """One statement that would mend one finding."""

    check: str
    object: str
    fix: Fix
    sql: str
    lock: str
    """What it locks, and whom that stops."""
    reason: str


class Plan(msgspec.Struct, frozen=True):
    """What would be done, in order."""

    steps: tuple[Step, ...]
    hash: str
    """Names exactly these statements; applying asks for it."""


class Mended(msgspec.Struct, frozen=True):
    """How one step ended."""

    step: Step
    mended: bool
    """Whether the same check no longer finds the object."""
    duration_ms: float
    error: str | None = None


def plan_fixes(outcomes: Iterable[Outcome], objects: Iterable[str] = ()) -> Plan:
    """Plan the fixes of what was found; no objects means all that were shown."""
    wanted = set(objects)
    steps = tuple(
        Step(outcome.id, finding.object, outcome.fix, finding.fix_sql, LOCKS[outcome.fix], outcome.title)
        for outcome in outcomes
        if outcome.fix is not None
        for finding in outcome.findings
        if finding.fix_sql and (not wanted or finding.object in wanted)
        if finding.fix_sql.startswith(_BEGINNINGS[outcome.fix])
    )
    return Plan(steps, hashlib.sha256(msgspec.json.encode([(step.check, step.sql) for step in steps])).hexdigest())
