"""The phases of a release and the ways between them; pure.

A phase is written to the record before the effect that it names, so whoever reads the record after a kill knows what
may have happened. The findings decide where it goes from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from agents.release.verdicts import Finding, Verdict

FULL_SHARE = 100


class Phase(StrEnum):
    """Where a release stands."""

    PREPARING = "preparing"
    """Asked for; nothing is proven and traffic is untouched."""
    BACKED_UP = "backed_up"
    """A fresh, verified backup exists, or the environment asks for none."""
    MIGRATED = "migrated"
    """The schema is the one that the new colour needs."""
    IDLE_READY = "idle_ready"
    """The new colour has as many ready pods as the live colour needs."""
    PROVED = "proved"
    """The new colour passed its checks through its own Service; traffic is untouched."""
    SHIFTING = "shifting"
    """The route is being written to give the new colour its share, and the gateway is asked until it shows it."""
    WATCHING = "watching"
    """The gateway shows the share; the gates compare the colours."""
    PROMOTED = "promoted"
    """The new colour has all traffic."""
    SOAKING = "soaking"
    """It has all traffic, the old colour stays hot, and an alarming difference still takes it back."""
    SETTLED = "settled"
    """The release is over; only `cryo rollback` still takes it back."""
    ROLLING_BACK = "rolling_back"
    """The route is being written back."""
    ROLLED_BACK = "rolled_back"
    """The route points where it pointed before; the release is over."""
    REFUSED = "refused"
    """The new colour or its surroundings were not fit; traffic never moved; the release is over."""


_PROOFS = (Phase.PREPARING, Phase.BACKED_UP, Phase.MIGRATED, Phase.IDLE_READY, Phase.PROVED)
_MOVED = frozenset({Phase.SHIFTING, Phase.WATCHING, Phase.PROMOTED, Phase.SOAKING, Phase.ROLLING_BACK})
_ENDS = frozenset({Phase.SETTLED, Phase.ROLLED_BACK, Phase.REFUSED})
_NEXT: dict[Phase, frozenset[Phase]] = {
    Phase.PREPARING: frozenset({Phase.BACKED_UP, Phase.REFUSED}),
    Phase.BACKED_UP: frozenset({Phase.MIGRATED, Phase.REFUSED}),
    Phase.MIGRATED: frozenset({Phase.IDLE_READY, Phase.REFUSED}),
    Phase.IDLE_READY: frozenset({Phase.PROVED, Phase.REFUSED}),
    Phase.PROVED: frozenset({Phase.SHIFTING, Phase.REFUSED}),
    Phase.SHIFTING: frozenset({Phase.WATCHING, Phase.PROMOTED, Phase.ROLLING_BACK}),
    Phase.WATCHING: frozenset({Phase.SHIFTING, Phase.ROLLING_BACK}),
    Phase.PROMOTED: frozenset({Phase.SOAKING, Phase.SETTLED, Phase.ROLLING_BACK}),
    Phase.SOAKING: frozenset({Phase.SETTLED, Phase.ROLLING_BACK}),
    # Only by a person, in an emergency.
    Phase.SETTLED: frozenset({Phase.ROLLING_BACK}),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLED_BACK}),
    Phase.ROLLED_BACK: frozenset(),
    Phase.REFUSED: frozenset(),
}


def may_follow(before: Phase, after: Phase) -> bool:
    """Whether a release may go from one phase to the other."""
    return after in _NEXT[before]


def is_over(phase: Phase) -> bool:
    """Whether nothing more happens to the release."""
    return phase in _ENDS


def has_moved_traffic(phase: Phase) -> bool:
    """Whether traffic may be on the new colour, so that giving up means going back."""
    return phase in _MOVED


def has_promoted(phase: Phase) -> bool:
    """Whether the release reached all traffic and was not taken back."""
    return phase in {Phase.PROMOTED, Phase.SOAKING, Phase.SETTLED}


@dataclass(frozen=True, slots=True)
class Course:
    """How an environment wants its traffic moved."""

    steps: tuple[int, ...] = (FULL_SHARE,)
    """Shares of the new colour in percent, rising, the last one 100."""
    soak_s: float = 0.0

    def __post_init__(self) -> None:
        """Refuse steps that would not end with all traffic."""
        rising = all(one < other for one, other in zip(self.steps, self.steps[1:], strict=False))
        if not self.steps or self.steps[0] < 1 or self.steps[-1] != FULL_SHARE or not rising:
            message = f"the steps {list(self.steps)} have to rise from 1 or more and end with {FULL_SHARE}"
            raise ValueError(message)


@dataclass(frozen=True, slots=True)
class Move:
    """The next phase, with the share of traffic it is about and every reason."""

    phase: Phase
    share: int
    because: tuple[str, ...]


def decide_move(phase: Phase, share: int, finding: Finding, course: Course) -> Move:
    """Choose the next phase from what was found in this one.

    Args:
        phase: where the release stands; not an end.
        share: percent of traffic that the new colour has or is getting.
        finding: what this phase's effect or gate ended with, after its deadline at the latest.
        course: the environment's steps.

    A finding that is not a pass never moves traffic towards the new colour. After promotion only a failure takes it
    back: an unreachable Prometheus is no reason to move every user again.
    """
    told = finding.because
    if phase is Phase.ROLLING_BACK:
        return Move(Phase.ROLLED_BACK, 0, told)
    if has_promoted(phase):
        return _after_promotion(phase, finding, course)
    if not finding.has_passed:
        end = Phase.ROLLING_BACK if has_moved_traffic(phase) else Phase.REFUSED
        return Move(end, 0, told)
    if phase in {Phase.PROVED, Phase.WATCHING}:
        return Move(Phase.SHIFTING, _next_share(course.steps, share), told)
    if phase is Phase.SHIFTING:
        return Move(Phase.PROMOTED if share >= FULL_SHARE else Phase.WATCHING, share, told)
    return Move(_PROOFS[_PROOFS.index(phase) + 1], 0, told)


def _after_promotion(phase: Phase, finding: Finding, course: Course) -> Move:
    if finding.verdict is Verdict.FAIL:
        return Move(Phase.ROLLING_BACK, 0, finding.because)
    if phase is Phase.PROMOTED and course.soak_s > 0:
        return Move(Phase.SOAKING, FULL_SHARE, finding.because)
    return Move(Phase.SETTLED, FULL_SHARE, finding.because)


def _next_share(steps: Sequence[int], share: int) -> int:
    """Return the first larger step; a resumed release may come from a file with other steps."""
    return next((step for step in steps if step > share), FULL_SHARE)
