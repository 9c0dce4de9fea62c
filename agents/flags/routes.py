"""Which path and method mean what; pure."""

from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote

_BULK = "/ofrep/v1/evaluate/flags"


class Route(StrEnum):
    """Routes by the template that appears in metrics."""

    LIVE = "/livez"
    READY = "/readyz"
    METRICS = "/metrics"
    BULK = _BULK
    SINGLE = _BULK + "/{key}"
    UNMATCHED = "unmatched"

    @property
    def method(self) -> str:
        """The one method that the route answers."""
        return "POST" if self in {Route.BULK, Route.SINGLE} else "GET"


@dataclass(frozen=True, slots=True)
class Matched:
    """A path that means something; `key` is the flag of a single evaluation."""

    route: Route
    key: str | None = None


_FIXED = {route.value: Matched(route) for route in (Route.LIVE, Route.READY, Route.METRICS, Route.BULK)}
_UNMATCHED = Matched(Route.UNMATCHED)


def match_path(path: str) -> Matched:
    """Find the route of a path."""
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    prefix, _, key = path.rpartition("/")
    if prefix == _BULK and key:
        return Matched(Route.SINGLE, unquote(key))
    return _UNMATCHED
