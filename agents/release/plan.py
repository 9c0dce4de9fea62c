"""Decides how a release begins, from the route's weights and the last record; pure."""

from dataclasses import dataclass
from enum import StrEnum

from agents.release.errors import ReleaseRefusedError
from agents.release.record import ReleaseRecord
from agents.release.routes import Weights
from agents.release.states import Phase, has_moved_traffic, is_over
from agents.runtime.names import Colour


class Start(StrEnum):
    """The five ways a release can begin."""

    ALREADY_THERE = "already_there"
    """The target has all traffic and no release is under way: only confirm."""
    BEGIN = "begin"
    """A new release."""
    RESUME = "resume"
    """A killed release with the same target: go on, and go back if it fails."""
    FINISH_ROLLBACK = "finish_rollback"
    """A killed rollback: finish it first."""
    TAKE_BACK = "take_back"
    """The target is what an unfinished release came from: put its traffic back, without new proof."""


@dataclass(frozen=True, slots=True)
class Decision:
    """How to begin, and why."""

    start: Start
    because: tuple[str, ...]


def decide_start(  # noqa: PLR0913 - each is one fact that the decision rests on
    weights: Weights,
    record: ReleaseRecord | None,
    target: Colour,
    *,
    target_version: str = "",
    content: str = "",
    retry_of: str | None = None,
) -> Decision:
    """Choose how to begin.

    Args:
        weights: what the route says now.
        record: the last release of this route; None before the first.
        target: the colour that shall have all traffic.
        target_version: what that colour says it is now; empty when it says nothing.
        content: what the target's slot was filled with; empty when nobody said.
        retry_of: the release that a person allowed to be tried once more, or None.

    Raises:
        ReleaseRefusedError: traffic is divided, and there is no colour to go back to that is known to be good; or the
            same content was rolled back, and nobody asked to try it again.
    """
    if record is not None and needs_retry(record, target, content, retry_of=retry_of):
        raise ReleaseRefusedError(explain_retry(record))
    if record is not None and record.phase is Phase.ROLLING_BACK:
        return Decision(Start.FINISH_ROLLBACK, (f"release {record.release_id} was killed while it rolled back",))
    if record is not None and has_moved_traffic(record.phase):
        return _decide_moved(weights, record, target, target_version)
    if weights.live is None:
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


def _decide_moved(weights: Weights, record: ReleaseRecord, target: Colour, target_version: str) -> Decision:
    """Choose how to go on after a release that may have moved traffic and has not ended."""
    told = f"release {record.release_id} was left in phase {record.phase}; weights {weights}"
    if record.target is target:
        return Decision(Start.RESUME, (told,))
    came_from = record.versions.get(target, "")
    if not (came_from and target_version) or came_from == target_version:
        return Decision(Start.TAKE_BACK, (f"{told}; it came from {target}, which gets its traffic back",))
    changed = f"{target} was {came_from} then and is {target_version} now"
    if weights.live is target.other:
        return Decision(Start.BEGIN, (f"{told}, takes its place: {changed}",))
    message = (
        f"{told}; {changed}, so traffic that is divided cannot simply go back; "
        f"set active to {record.target} again to finish that release, then release {target}"
    )
    raise ReleaseRefusedError(message)


def needs_retry(record: ReleaseRecord, target: Colour, content: str, *, retry_of: str | None) -> bool:
    """Whether this would promote what was rolled back last, without a person's word.

    A content that either side does not know counts as the same, because nothing says that it was repaired.
    """
    if record.phase is not Phase.ROLLED_BACK or record.target is not target or retry_of == record.release_id:
        return False
    return not (record.content and content) or record.content == content


def explain_retry(record: ReleaseRecord) -> str:
    """Return the refusal, with the ways forward."""
    last = record.transitions[-1]
    return (
        f"release {record.release_id} of this very content was rolled back at {last.at} ({last.because[0]}), and Git "
        f"asks for {record.target} again; nothing was changed; make Git true with `cryo release revert --env <stack>`, "
        f"fill {record.target} with a repaired version, or allow one more try with `cryo release retry "
        f"{record.release_id}`"
    )
