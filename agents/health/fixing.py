"""What callers of the fix endpoint send and get, and how their wish becomes checks; pure."""

from collections.abc import Sequence
from typing import Annotated

import msgspec

from agents.health.definition import Check
from agents.health.errors import SelectionError
from agents.health.fixes import Mended, Plan
from agents.health.registry import load_checks

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=300)]


class FixRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which findings to mend."""

    checks: Annotated[tuple[Name, ...], msgspec.Meta(max_length=200)] = ()
    """Ids of checks with a fix; none means all of them."""
    objects: Annotated[tuple[Name, ...], msgspec.Meta(max_length=200)] = ()
    """Objects as findings name them; none means all that are shown."""
    hash: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")] | None = None
    """Of the plan that is to be carried out; without it nothing is done."""


class FixAnswer(msgspec.Struct, frozen=True):
    """The plan, and what was done of it."""

    applied: bool
    plan: Plan
    done: tuple[Mended, ...] = ()


def fixable(names: Sequence[str]) -> tuple[Check, ...]:
    """Return the checks with a fix, or those named.

    Raises:
        SelectionError: a name is no check, or its check has no fix.
    """
    known = {check.id: check for check in load_checks().values() if check.fix is not None}
    wrong = sorted(set(names) - set(known))
    if wrong:
        message = f"{wrong[0][:80]!r} is no check with a fix; those are {', '.join(known)}"
        raise SelectionError(message)
    return tuple(known[name] for name in names or known)
