"""The ladder of proof: what each level means, which of them apply to a set, and how far a set has come; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Literal

Outcome = Literal["passed", "failed", "skipped", "inapplicable"]


class Level(IntEnum):
    """How much is proven; each level needs every applicable one below it."""

    MANIFEST = 0
    """The signed manifest is whole, of this database, of this set, and young enough."""
    WAL = 1
    """The archive has every segment from the set to now, over timelines."""
    REPOSITORY = 2
    """Every stored byte is what was written, and both copies of an engine's own lists are equal."""
    RESTORE = 3
    """A server started from the set."""
    PAGES = 4
    """Page checksums are right, and every index agrees with its table."""
    CONTENTS = 5
    """Rows, digests, sequences, schema, policies and relations are what the manifest says."""
    MOMENT = 6
    """Recovery to a moment brought exactly what was committed before it."""
    COPY = 7
    """The far copy is the same."""


_PHYSICAL_ONLY = {
    Level.WAL: "a dump needs no WAL",
    Level.MOMENT: "a dump has one moment",
}


@dataclass(frozen=True, slots=True)
class Means:
    """What a verification has to work with."""

    physical: bool
    """The set is of files, with WAL."""
    can_open: bool
    """A key that opens the set is there."""
    has_markers: bool
    """Somebody wrote marker rows at known moments."""
    has_far_copy: bool
    """A second repository is configured."""
    has_contents: bool = True
    """The manifest's contents are those of one known moment."""


@dataclass(frozen=True, slots=True)
class Planned:
    """One level, and why it will not be tried if it is not."""

    level: Level
    outcome: Literal["try", "skipped", "inapplicable"]
    because: str = ""


def plan_levels(up_to: Level, means: Means) -> tuple[Planned, ...]:
    """Say for every level whether it is tried.

    Args:
        up_to: highest level that was asked for.
        means: what is there.
    """
    return tuple(_plan(level, up_to, means) for level in Level)


def level_reached(outcomes: Sequence[tuple[Level, Outcome]]) -> Level | None:
    """Return the highest level that passed with every applicable one below it; None when not even the first did.

    Args:
        outcomes: of every level, in order.
    """
    reached: Level | None = None
    for level, outcome in outcomes:
        if outcome == "passed":
            reached = level
        elif outcome != "inapplicable":
            break
    return reached


def _plan(level: Level, up_to: Level, means: Means) -> Planned:
    if level in _PHYSICAL_ONLY and not means.physical:
        return Planned(level, "inapplicable", _PHYSICAL_ONLY[level])
    if level is Level.COPY and not means.has_far_copy:
        return Planned(level, "inapplicable", "no second repository is configured")
    if level > up_to:
        return Planned(level, "skipped", f"only levels up to {up_to:d} were asked for")
    lacking = _find_lacking(level, means)
    return Planned(level, "skipped", lacking) if lacking else Planned(level, "try")


def _find_lacking(level: Level, means: Means) -> str:
    """Return what a level needs and does not have; empty when it has everything."""
    if level in (Level.RESTORE, Level.PAGES, Level.CONTENTS, Level.MOMENT) and not means.can_open:
        return "the key that opens the set is not here"
    if level is Level.CONTENTS and not means.has_contents:
        return "transactions never paused while the manifest was made"
    if level is Level.MOMENT and not means.has_markers:
        return "nobody wrote marker rows to recover to"
    return ""
