"""Refuses an update that would hurt, before it has any effect: what Git asks for against what is live; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from agents.release.errors import ReleaseRefusedError
from agents.release.plan import explain_retry, needs_retry
from agents.release.record import ReleaseRecord
from agents.release.routes import Weights, weights_for
from agents.release.states import FULL_SHARE, Phase, has_moved_traffic, has_promoted
from agents.runtime.names import Colour


@dataclass(frozen=True, slots=True)
class Asked:
    """What the environment file says of one application."""

    stack: str
    app: str
    active: Colour
    contents: Mapping[Colour, str]
    """What each slot is filled with; an empty slot is missing, an empty text is not known before the update."""
    of_tree: frozenset[Colour] = frozenset()
    """Slots with a `built:` image: Git cannot name what they hold, so they follow the checkout, also when live."""


@dataclass(frozen=True, slots=True)
class Live:
    """What the cluster says of it."""

    stack: str | None
    """Stack that the namespace belongs to; None when there is no such namespace or it does not say."""
    weights: Weights | None
    """Of the route; None before the first update."""
    contents: Mapping[Colour, str]
    """What each colour was filled with; a colour without the annotation is missing."""
    record: ReleaseRecord | None
    retry_of: str | None = None
    """The release that a person allowed to be tried once more."""
    whole: frozenset[Colour] = frozenset()
    """Colours that have all the pods they want ready."""


def judge_update(asked: Asked, live: Live) -> tuple[str, ...]:
    """Return what a person should know about an update that may go on.

    Raises:
        ReleaseRefusedError: the cluster is another stack's, weights were edited, a release that is under way or the
            live slot would change beneath its users, or what was rolled back would be promoted again.
    """
    if live.stack not in {None, asked.stack}:
        message = (
            f'this cluster belongs to stack "{live.stack}", not to "{asked.stack}"; nothing was changed; select that '
            f"stack, or use the kubeconfig of the cluster of {asked.stack}"
        )
        raise ReleaseRefusedError(message)
    if live.weights is None:
        return ()
    _refuse_edited_weights(asked, live.weights, live.record)
    carriers = {colour for colour in Colour if _carries(live.weights, live.record, colour)}
    told = [note for colour in sorted(carriers) if (note := _judge_slot(asked, live, colour))]
    if live.record is not None:
        content = asked.contents.get(asked.active, "")
        if needs_retry(live.record, asked.active, content, retry_of=live.retry_of):
            raise ReleaseRefusedError(f"{asked.app}: {explain_retry(live.record)}")
    return tuple(told)


def left_weights(record: ReleaseRecord) -> Weights | None:
    """Return the weights that a release left behind; None while it moves them."""
    if has_promoted(record.phase):
        return weights_for(record.target, FULL_SHARE)
    return None if has_moved_traffic(record.phase) else weights_for(record.source, FULL_SHARE)


def _refuse_edited_weights(asked: Asked, weights: Weights, record: ReleaseRecord | None) -> None:
    wanted = left_weights(record) if record else None
    if record is not None and wanted in {None, weights}:
        return
    if record is None and weights.live is not None:
        return
    left = f"release {record.release_id} left {wanted}" if record else "no release of ours did that"
    how = "" if record else " --to <the colour that serves well>"
    message = (
        f"{asked.app}: the route's weights are {weights}, but {left}, so somebody edited them; nothing was changed; "
        f"`cryo release repair{how}` puts them right"
    )
    raise ReleaseRefusedError(message)


def _carries(weights: Weights, record: ReleaseRecord | None, colour: Colour) -> bool:
    share = weights.blue if colour is Colour.BLUE else weights.green
    under_way = record is not None and has_moved_traffic(record.phase) and record.phase is not Phase.ROLLING_BACK
    return share > 0 or under_way


def _judge_slot(asked: Asked, live: Live, colour: Colour) -> str:
    """Refuse a change beneath users, or return what is to be told of one that is allowed."""
    slot = f"slots.{colour}"
    if colour not in asked.contents:
        message = (
            f"{asked.app}: {slot} serves users and would be emptied; nothing was changed; release {colour.other} first"
        )
        raise ReleaseRefusedError(message)
    before, after = live.contents.get(colour, ""), asked.contents[colour]
    if not before or not after or before == after:
        return ""
    change = f"({before} -> {after})"
    if colour in asked.of_tree:
        return f"{asked.app}: {slot} serves users, follows this checkout and is updated in place {change}"
    message = (
        f"{asked.app}: {slot} serves users and would change in place, without a canary {change}; nothing was changed; "
        f"put that into slots.{colour.other} and set active to {colour.other}, as `cryo release VERSION --env "
        f"{asked.stack}` does"
    )
    raise ReleaseRefusedError(message)
