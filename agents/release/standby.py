"""Decides whether the colour that no longer serves may shrink to its standby size; pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from agents.release.guard import Asked, Live
from agents.release.states import Phase
from agents.runtime.clock import format_rfc3339


@dataclass(frozen=True, slots=True)
class Standby:
    """Whether the idle colour may be small now, and why."""

    allowed: bool
    because: str


def judge_standby(asked: Asked, live: Live, *, now: datetime, after_s: float) -> Standby:
    """Say whether the idle colour may be small: its release is settled, over for long enough, and nothing else waits.

    Args:
        asked: what the environment file says.
        live: what the cluster says.
        now: the wall clock.
        after_s: how long after it settled the way back stays at full size.
    """
    record, serving = live.record, live.weights.live if live.weights else None
    if record is None or record.phase is not Phase.SETTLED:
        return Standby(allowed=False, because="no release settled last")
    if serving is not record.target or asked.active is not serving:
        return Standby(allowed=False, because=f"Git asks for {asked.active}, {serving or 'neither colour'} serves")
    idle = serving.other
    if not live.contents.get(idle) or live.contents.get(idle) != asked.contents.get(idle):
        return Standby(allowed=False, because=f"{idle} gets another content")
    settled_at = record.entered(Phase.SETTLED)
    until = (settled_at or now) + timedelta(seconds=after_s)
    if now < until:
        return Standby(allowed=False, because=f"{idle} is the way back until {format_rfc3339(until)}")
    if serving not in live.whole:
        return Standby(allowed=False, because=f"{serving} serves and has not all of its pods ready")
    return Standby(allowed=True, because=f"release {record.release_id} settled {after_s:.0f} s ago or more")
