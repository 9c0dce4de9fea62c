"""Decides whether a contract step may take away what the older version used."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.migrate.history import load_sql
from agents.migrate.model import AppliedMigration, Migration, MigrationKey, Phase
from agents.runtime.clock import format_rfc3339
from agents.runtime.names import APP_MIGRATE, SessionName
from agents.runtime.postgres import Connection


@dataclass(frozen=True, slots=True)
class OtherSession:
    """A connection of somebody else to the same database."""

    pid: int
    application_name: str


def find_blocked_contracts(  # noqa: PLR0913 - each is one fact that the decision rests on
    conn: Connection,
    available: Sequence[Migration],
    applied: Sequence[AppliedMigration],
    *,
    session: SessionName,
    now: datetime,
    rollback_window_s: float,
) -> dict[MigrationKey, tuple[str, ...]]:
    """Return the contract steps that may not run now, each with every reason."""
    rows = conn.execute(load_sql("other_sessions")).fetchall()
    others = [OtherSession(int(str(row[0])), str(row[1])) for row in rows]
    promoted_at = _read_last_promotion(conn)
    found = {
        migration.key: judge_contract(
            migration, applied, others, session=session, now=now, promoted_at=promoted_at, window_s=rollback_window_s
        )
        for migration in available
        if migration.phase is Phase.CONTRACT
    }
    return {key: reasons for key, reasons in found.items() if reasons}


def judge_contract(  # noqa: PLR0913 - pure: each fact is an argument
    migration: Migration,
    applied: Sequence[AppliedMigration],
    others: Sequence[OtherSession],
    *,
    session: SessionName,
    now: datetime,
    promoted_at: datetime | None,
    window_s: float,
) -> tuple[str, ...]:
    """Return every reason against one contract step; none means that it may run.

    Args:
        migration: the contract step.
        applied: the history.
        others: everybody who is connected to the database.
        session: who we are; another version or colour may still need what the step takes away.
        now: the wall clock.
        promoted_at: when traffic last moved to another version; None when that is not recorded.
        window_s: how long a release may still be taken back.
    """
    reasons = list(_name_older_sessions(others, session))
    own = [row.finished_at for row in applied if row.number == migration.number and row.phase is not Phase.CONTRACT]
    moments = {"its expansion was applied": max(own, default=None), "the last promotion ended": promoted_at}
    for what, moment in moments.items():
        if moment is None:
            continue
        closes_at = moment + timedelta(seconds=window_s)
        if now < closes_at:
            reasons.append(
                f"{what} {format_rfc3339(moment)}, so the release may be taken back until "
                f"{format_rfc3339(closes_at)}; wait, or shorten --rollback-window-s"
            )
    return tuple(reasons)


def is_older(other: SessionName, session: SessionName) -> bool:
    """Whether a session belongs to another version of the platform.

    Other runs of this agent do not count: they read no user table, and one at a time may work. Colours are compared
    where both have one; a tool outside the slots is told by its version alone.
    """
    if other.agent == APP_MIGRATE:
        return False
    # The server cuts long names, so both sides are compared as cut.
    own = SessionName.parse(SessionName(other.agent, other.colour, session.version).format())
    if own is None or own.version != other.version:
        return True
    return other.colour is not None and session.colour is not None and other.colour is not session.colour


def _name_older_sessions(others: Sequence[OtherSession], session: SessionName) -> Sequence[str]:
    """Name sessions of another version; those that are not ours (psql, a dump) say no version and do not count."""
    found: dict[str, list[int]] = {}
    for other in others:
        parsed = SessionName.parse(other.application_name)
        if parsed is not None and is_older(parsed, session):
            found.setdefault(other.application_name, []).append(other.pid)
    return [
        f"{name} is connected (pid {', '.join(map(str, sorted(pids)))}) and we are version {session.version}; "
        "stop that version first"
        for name, pids in sorted(found.items())
    ]


def _read_last_promotion(conn: Connection) -> datetime | None:
    row = conn.execute(load_sql("release_history_exists")).fetchone()
    if row is None or row[0] is not True:
        return None
    promotion = conn.execute(load_sql("last_promotion")).fetchone()
    return promotion[0] if promotion is not None and isinstance(promotion[0], datetime) else None
