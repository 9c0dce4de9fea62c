"""The phases of a release and the ways between them; pure."""

from enum import StrEnum


class Phase(StrEnum):
    """Where a release stands; written to the record before the effect of the same name."""

    SMOKE = "smoke"
    """The new colour is asked through its own Service; traffic is untouched."""
    WEIGHTS = "weights"
    """The route is being written."""
    CONFIRM = "confirm"
    """The gateway is asked until it shows the new colour."""
    PROMOTED = "promoted"
    """The gateway showed it; the release is over."""
    ROLLING_BACK = "rolling_back"
    """The route is being written back."""
    ROLLED_BACK = "rolled_back"
    """The route points where it pointed before; the release is over."""
    REFUSED = "refused"
    """The new colour was not fit; traffic never moved; the release is over."""


_NEXT: dict[Phase, frozenset[Phase]] = {
    Phase.SMOKE: frozenset({Phase.WEIGHTS, Phase.REFUSED}),
    # WEIGHTS again: a killed Job runs again and writes the same weights once more.
    Phase.WEIGHTS: frozenset({Phase.WEIGHTS, Phase.CONFIRM, Phase.ROLLING_BACK}),
    Phase.CONFIRM: frozenset({Phase.PROMOTED, Phase.ROLLING_BACK, Phase.WEIGHTS}),
    Phase.PROMOTED: frozenset(),
    Phase.ROLLING_BACK: frozenset({Phase.ROLLED_BACK}),
    Phase.ROLLED_BACK: frozenset(),
    Phase.REFUSED: frozenset(),
}


def may_follow(before: Phase, after: Phase) -> bool:
    """Whether a release may go from one phase to the other."""
    return after in _NEXT[before]


def is_over(phase: Phase) -> bool:
    """Whether nothing more happens to the release."""
    return not _NEXT[phase]


def has_moved_traffic(phase: Phase) -> bool:
    """Whether traffic may already be on the new colour, so that giving up means going back."""
    return phase in {Phase.WEIGHTS, Phase.CONFIRM, Phase.ROLLING_BACK}
