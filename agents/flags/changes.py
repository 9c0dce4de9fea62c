"""What a change makes of a flag; pure, so that a dry run shows exactly what the real one does."""

import re
from collections.abc import Collection
from dataclasses import dataclass, replace
from decimal import Decimal
from difflib import get_close_matches
from typing import Literal
from uuid import UUID

from agents.flags.errors import FlagChangeError, FlagUnknownError

NAME = re.compile(r"[a-z][a-z0-9_.-]*")
ReceiverKind = Literal["user", "team"]
_SHARE_DIGITS = 2


@dataclass(frozen=True, slots=True)
class Receiver:
    """Whom an exception is for."""

    kind: ReceiverKind
    id: UUID


@dataclass(frozen=True, slots=True)
class Override:
    """An exception for one person or team."""

    kind: ReceiverKind
    id: UUID
    enabled: bool
    reason: str


@dataclass(frozen=True, slots=True)
class FlagState:
    """A flag as people see and change it."""

    name: str
    enabled: bool = False
    rollout_percent: Decimal = Decimal(0)
    description: str = ""
    user_ids: tuple[UUID, ...] = ()
    team_ids: tuple[UUID, ...] = ()
    overrides: tuple[Override, ...] = ()


@dataclass(frozen=True, slots=True)
class SetFlag:
    """Make a flag, or turn its master switch; what is None stays as it is."""

    enabled: bool | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class SetRollout:
    """Change the share of keys for whom a flag is on."""

    percent: Decimal


@dataclass(frozen=True, slots=True)
class SetOverride:
    """Make an exception, or end it with None."""

    receiver: Receiver
    enabled: bool | None
    reason: str


@dataclass(frozen=True, slots=True)
class RemoveFlag:
    """Forget a flag; whoever asks for it gets the default in their code."""


Change = SetFlag | SetRollout | SetOverride | RemoveFlag


def plan_change(name: str, before: FlagState | None, change: Change, known: Collection[str] = ()) -> FlagState | None:
    """Return the flag after the change, None when it is gone.

    Args:
        name: of the flag.
        before: as it is; None when there is no such flag.
        change: what is asked for.
        known: names of all flags, for the message about an unknown one.

    Raises:
        FlagUnknownError: the change needs an existing flag.
        FlagChangeError: the name or the share is not legal.
    """
    if isinstance(change, SetFlag):
        return _set_flag(before or _new_flag(name), change)
    if before is None:
        near = get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}?" if near else "; make it with `cryo flags set`"
        message = f"no flag is named {name!r}{hint}"
        raise FlagUnknownError(message)
    match change:
        case SetRollout(percent):
            return replace(before, rollout_percent=_check_share(percent))
        case SetOverride():
            return _set_override(before, change)
        case RemoveFlag():
            return None


def describe(state: FlagState | None) -> str:
    """Write a flag in one line."""
    if state is None:
        return "does not exist"
    parts = ["on" if state.enabled else "off", f"rollout {state.rollout_percent:f} %"]
    parts += [f"{each.kind} {each.id} {'on' if each.enabled else 'off'}" for each in state.overrides]
    for kind, ids in (("users", state.user_ids), ("teams", state.team_ids)):
        parts += [f"{len(ids)} {kind} listed"] if ids else []
    return ", ".join(parts)


def _new_flag(name: str) -> FlagState:
    if not NAME.fullmatch(name):
        message = f"{name!r} is no name for a flag; use lower-case letters, digits and _ . - after a first letter"
        raise FlagChangeError(message)
    return FlagState(name)


def _set_flag(flag: FlagState, change: SetFlag) -> FlagState:
    return replace(
        flag,
        enabled=flag.enabled if change.enabled is None else change.enabled,
        description=flag.description if change.description is None else change.description,
    )


def _check_share(percent: Decimal) -> Decimal:
    exponent = percent.normalize().as_tuple().exponent
    legal = isinstance(exponent, int) and exponent >= -_SHARE_DIGITS
    if not legal or not 0 <= percent <= 100:  # noqa: PLR2004 - a percentage
        message = f"a rollout of {percent} % is not possible; use 0 to 100 with at most {_SHARE_DIGITS} decimals"
        raise FlagChangeError(message)
    return percent


def _set_override(flag: FlagState, change: SetOverride) -> FlagState:
    receiver = change.receiver
    known = [(each.kind, each.id) for each in flag.overrides]
    index = known.index((receiver.kind, receiver.id)) if (receiver.kind, receiver.id) in known else None
    rest = [each for at, each in enumerate(flag.overrides) if at != index]
    if change.enabled is None:
        if index is None:
            message = f"{flag.name} has no exception for {receiver.kind} {receiver.id}; nothing to end"
            raise FlagChangeError(message)
        return replace(flag, overrides=tuple(rest))
    override = Override(receiver.kind, receiver.id, change.enabled, change.reason)
    rest.insert(len(rest) if index is None else index, override)
    return replace(flag, overrides=tuple(rest))
