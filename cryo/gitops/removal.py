"""Turns parts of an object that somebody added into a JSON patch (RFC 6902) that takes them out; pure."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from cryo.gitops.field_owners import Path

# Others wait for these: taking one out would let an object go before its owner has cleaned up.
_LEFT = (("f:metadata", "f:finalizers"), ("f:metadata", "f:ownerReferences"))


def plan_removal(live: Mapping[str, Any], added: Iterable[Path]) -> list[dict[str, str]]:
    """Operations in an order in which earlier ones do not move what later ones point at.

    Args:
        live: the object.
        added: what find_additions says of it.
    """
    places = [_resolve(live, path) for path in added if path[:2] not in _LEFT]
    ordered = sorted((place for place in places if place is not None), key=_from_the_end)
    return [{"op": "remove", "path": "".join(f"/{_escape(part)}" for part in place)} for place in ordered]


def _resolve(live: Any, path: Path) -> tuple[str | int, ...] | None:  # noqa: ANN401 - any part of an object
    """Keys and indexes of a part, or None where it is gone already."""
    place: list[str | int] = []
    for key in path:
        form, name = key[:2], key[2:]
        try:
            found = name if form == "f:" else _index(live, form, json.loads(name))
            live = live[found]
        except (KeyError, StopIteration):
            return None
        place.append(found)
    return tuple(place)


def _index(items: list[Any], form: str, wanted: Any) -> int:  # noqa: ANN401 - a key of an item, or a value of a set
    if form == "v:":
        return next(number for number, item in enumerate(items) if item == wanted)
    # A key names its defaults too, such as a port's protocol, and the live object has them filled in.
    return next(number for number, item in enumerate(items) if wanted.items() <= item.items())


def _from_the_end(place: tuple[str | int, ...]) -> list[tuple[int, str]]:
    return [(-part, "") if isinstance(part, int) else (0, part) for part in place]


def _escape(part: str | int) -> str:
    return str(part).replace("~", "~0").replace("/", "~1")
