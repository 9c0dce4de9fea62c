"""Decides how a release begins, from the route's weights and the last record; pure."""

from dataclasses import dataclass
from enum import StrEnum

from agents.release.errors import ReleaseRefusedError
from agents.release.record import ReleaseRecord
from agents.release.routes import Weights
from agents.release.states import Phase, has_moved_traffic, is_over
from agents.runtime.names import Colour


class Start(StrEnum):
    """The four ways a release can begin."""

    ALREADY_THERE = "already_there"
    """The target has all traffic and no release is under way: only confirm."""
    BEGIN = "begin"
    """A new release."""
    RESUME = "resume"
    """A killed release with the same target: go on, and go back if it fails."""
    FINISH_ROLLBACK = "finish_rollback"
    """A killed rollback: finish it first."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How to begin, and why."""

    start: Start
    because: tuple[str, ...]


def decide_start(weights: Weights, record: ReleaseRecord | None, target: Colour) -> Decision:
    """Choose how to begin.

    Args:
        weights: what the route says now.
        record: the last release of this route; None before the first.
        target: the colour that shall have all traffic.

    Raises:
        ReleaseRefusedError: traffic is divided by somebody else's hand, so there is no colour to go back to.
    """
    if record is not None and record.phase is Phase.ROLLING_BACK:
        return Decision(Start.FINISH_ROLLBACK, (f"release {record.release_id} was killed while it rolled back",))
    moved = record is not None and has_moved_traffic(record.phase)
    if record is not None and moved and record.target is target:
        return Decision(
            Start.RESUME, (f"release {record.release_id} was killed in phase {record.phase}; weights {weights}",)
        )
    if weights.live is None and not moved:
        message = (
            f"the route's weights are {weights}, and no release of ours left them so; "
            f"give one colour 100 and the other 0, then run again"
        )
        raise ReleaseRefusedError(message)
    if weights.live is target:
        return Decision(Start.ALREADY_THERE, (f"{target} already has all traffic ({weights})",))
    because = [f"weights are {weights}"]
    if record is not None and not is_over(record.phase):
        because.append(f"takes the place of release {record.release_id}, left in phase {record.phase}")
    return Decision(Start.BEGIN, tuple(because))
