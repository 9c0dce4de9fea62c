"""Asks a database every chosen question in one read-only snapshot, and lets no single question spoil the others."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import msgspec

from agents.health.definition import Check, Profile
from agents.health.facts import Facts, reason_to_skip
from agents.health.findings import Acceptance, Outcome, Report, Status, count_statuses, describe, judge, worst
from agents.health.registry import load_checks
from agents.health.statements import Layout, count_rows, fill_in, union_queries
from agents.runtime.clock import Clock, Deadline, format_rfc3339
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.postgres import Database, Query, Session, load_queries, sqlstate_of

CONNECTION = "availability.connection"
ROUND_TRIP = "availability.round_trip"
# Chosen: one finding names the cause, ten show the pattern; the rest is counted.
DEFAULT_CAP = 10
# Chosen: a person waits so long for a quick answer, a Job for a full one; what was not reached by then is unknown.
BUDGET_S = {Profile.QUICK: 5.0, Profile.FULL: 60.0}
# Chosen: planning fifty small queries at once costs less than their round trips, and one that fails loses few others.
_BATCH = 50
_TRIPS = 5


@dataclass(frozen=True, slots=True)
class Order:
    """What is asked of a database."""

    profile: Profile
    checks: Sequence[Check]
    groups: tuple[str, ...] = ()
    accept: Sequence[Acceptance] = ()
    layout: Layout = field(default_factory=Layout)
    cap: int = DEFAULT_CAP
    """Findings shown per check."""


def examine(database: Database, order: Order, *, name: str, clock: Clock) -> Report:
    """Run checks; a database that does not answer is a finding, not an error.

    Args:
        database: a pool; the run borrows one session of it.
        order: which checks, and with which numbers.
        name: of the database, for the report.
        clock: for durations and the budget.
    """
    began_s, taken_at = clock.monotonic(), format_rfc3339(clock.now())
    deadline = Deadline.after(BUDGET_S[order.profile], clock)
    try:
        version, outcomes = database.read(
            "health_checks", lambda session: _ask(session, order, deadline), deadline=deadline
        )
    except (DatabaseRefusedError, DatabaseUnavailableError) as error:
        return report_silence(order, str(error), name=name, clock=clock, duration_ms=_since(began_s, clock))
    return _report(order, name, (version, outcomes), taken_at=taken_at, duration_ms=_since(began_s, clock))


def report_silence(order: Order, reason: str, *, name: str, clock: Clock, duration_ms: float = 0.0) -> Report:
    """Report a database that gave no answer: one critical finding, and every other check skipped because of it."""
    outcomes = tuple(_without_connection(check, reason) for check in _with_connection(order.checks))
    taken_at = format_rfc3339(clock.now())
    return _report(order, name, (None, outcomes), taken_at=taken_at, duration_ms=duration_ms)


def read_facts(session: Session, checks: Sequence[Check]) -> Facts:
    """Learn what the server is and what may be asked of it."""
    relations = sorted({name for check in checks for name in check.requires.relations})
    row = session.fetch_one(load_queries("agents.health")["read_facts"], {"relations": relations})
    number, version, recovering, superuser, monitor, age_s, extensions, tables, roles = cast("tuple[object, ...]", row)
    return Facts(
        version_number=cast("int", number),
        version=str(version),
        in_recovery=bool(recovering),
        superuser=bool(superuser),
        monitor=bool(monitor),
        statistics_age_s=cast("float", age_s),
        extensions=cast("Mapping[str, str]", extensions),
        relations=frozenset(cast("list[str]", tables)),
        roles=frozenset(cast("list[str]", roles)),
    )


def ask_check(session: Session, check: Check, facts: Facts, order: Order, deadline: Deadline) -> Outcome:
    """Ask one question; an error of it is its outcome.

    Raises:
        DatabaseUnavailableError: the session is gone, so that no question can be asked.
    """
    reason = reason_to_skip(check, facts, has_schema=bool(order.layout.declared))
    if reason is not None:
        return describe(check, Status.SKIPPED, reason=reason)
    if deadline.is_over:
        return describe(check, Status.UNKNOWN, reason="not reached: the time for the whole run was over")
    began_s = deadline.clock.monotonic()
    try:
        rows, total, missed = _collect(session, check, facts, order, deadline)
    except (DatabaseRefusedError, DatabaseUnavailableError) as error:
        session.execute(Query("session_alive", b"select 1"))
        return describe(check, Status.UNKNOWN, reason=str(error), duration_ms=_since(began_s, deadline.clock))
    outcome = judge(check, rows, total, accept=order.accept, duration_ms=_since(began_s, deadline.clock))
    return outcome if missed is None else _incomplete(outcome, missed)


def _ask(session: Session, order: Order, deadline: Deadline) -> tuple[str, tuple[Outcome, ...]]:
    session.fetch_one(load_queries("agents.health")["prepare_session"])
    facts = read_facts(session, order.checks)
    measured = {CONNECTION: 0.0, ROUND_TRIP: _measure_round_trip(session, deadline.clock)}
    outcomes = tuple(
        _judge_measured(check, measured[check.id])
        if check.measured
        else ask_check(session, check, facts, order, deadline)
        for check in order.checks
    )
    return facts.version, outcomes


def _collect(
    session: Session, check: Check, facts: Facts, order: Order, deadline: Deadline
) -> tuple[list[dict[str, object]], int, str | None]:
    """Return the worst rows, how many there are, and what was not looked at."""
    text = fill_in(check, facts, order.layout)
    if not check.generated:
        return *_fetch(session, check, count_rows(check, text, order.cap)), None
    targets = session.fetch_all(_query(check, text))
    queries = [(str(target), str(query)) for target, query in targets]
    rows: list[dict[str, object]] = []
    missed: list[str] = []
    for first in range(0, len(queries), _BATCH):
        batch = queries[first : first + _BATCH]
        if deadline.is_over:
            missed += [target for target, _ in batch]
            continue
        rows += _ask_batch(session, check, batch, missed)
    rows.sort(key=lambda row: (-cast("float", row["value"]), str(row["object"])))
    return (
        rows[: order.cap],
        len(rows),
        f"no answer about {len(missed)} of {len(queries)}: {missed[0]}" if missed else None,
    )


def _ask_batch(
    session: Session, check: Check, batch: Sequence[tuple[str, str]], missed: list[str]
) -> list[dict[str, object]]:
    """Ask some generated queries at once; when that fails, each by itself, so that the culprit is known."""
    try:
        return _fetch(session, check, count_rows(check, union_queries(batch), len(batch)))[0]
    except DatabaseRefusedError as error:
        if len(batch) == 1 and check.reports_damage and (sqlstate_of(error) or "").startswith("XX"):
            return [{"object": batch[0][0], "value": 1, "error": str(error)}]
        if len(batch) == 1:
            missed.append(f"{batch[0][0]} ({error})")
            return []
    return [row for each in batch for row in _ask_batch(session, check, [each], missed)]


def _fetch(session: Session, check: Check, text: str) -> tuple[list[dict[str, object]], int]:
    rows = session.fetch_all(_query(check, text))
    return [cast("dict[str, object]", row) for _, row in rows], cast("int", rows[0][0]) if rows else 0


def _query(check: Check, text: str) -> Query:
    return Query(check.id.replace(".", "_"), text.encode()).within(check.timeout_s)


def _measure_round_trip(session: Session, clock: Clock) -> float:
    """Return the shortest of a few round trips in milliseconds; the shortest is the path's, the rest is noise."""

    def once() -> float:
        began_s = clock.monotonic()
        session.execute(Query("session_alive", b"select 1"))
        return _since(began_s, clock)

    return min(once() for _ in range(_TRIPS))


def _judge_measured(check: Check, value: float) -> Outcome:
    limits = check.threshold
    found = limits is not None and limits.reaches(value, limits.warn)
    rows: list[dict[str, object]] = [{"object": "connection", "value": value}] if found else []
    return judge(check, rows, len(rows), accept=(), duration_ms=value)


def _report(
    order: Order, name: str, found: tuple[str | None, tuple[Outcome, ...]], *, taken_at: str, duration_ms: float
) -> Report:
    version, outcomes = found
    return Report(
        status=worst(outcome.status for outcome in outcomes),
        profile=order.profile,
        groups=order.groups,
        taken_at=taken_at,
        duration_ms=duration_ms,
        database=name,
        server_version=version,
        counts=count_statuses(outcomes),
        outcomes=outcomes,
    )


def _with_connection(checks: Sequence[Check]) -> Sequence[Check]:
    """Add the check of the connection where it was not asked for: without one it is the only answer."""
    return checks if any(check.id == CONNECTION for check in checks) else (load_checks()[CONNECTION], *checks)


def _without_connection(check: Check, reason: str) -> Outcome:
    if check.id != CONNECTION:
        return describe(check, Status.SKIPPED, reason=f"no connection, see {CONNECTION}")
    return judge(check, [{"object": "connection", "reason": reason}], 1, accept=(), duration_ms=0.0)


def _incomplete(outcome: Outcome, missed: str) -> Outcome:
    """Let what was not looked at count as unknown, unless something worse was found."""
    return msgspec.structs.replace(outcome, status=worst([outcome.status, Status.UNKNOWN]), reason=missed)


def _since(began_s: float, clock: Clock) -> float:
    return round((clock.monotonic() - began_s) * 1000, 3)
