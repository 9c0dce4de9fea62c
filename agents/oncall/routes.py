"""Which path and method mean what; pure."""

from dataclasses import dataclass
from enum import StrEnum

from agents.oncall.links import PATH


class Route(StrEnum):
    """Routes by the template that appears in metrics."""

    ALERTS = "/api/v1/alerts"
    HEARTBEAT = "/api/v1/heartbeat"
    ACT = PATH + "{token}"
    LIVE = "/livez"
    READY = "/readyz"
    METRICS = "/metrics"
    UNMATCHED = "unmatched"

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods that the route answers."""
        if self is Route.ACT:
            return ("GET", "POST")
        return ("POST",) if self in {Route.ALERTS, Route.HEARTBEAT} else ("GET",)


@dataclass(frozen=True, slots=True)
class Matched:
    """A path that means something; `token` is that of a link."""

    route: Route
    token: str = ""


_FIXED = {
    route.value: Matched(route) for route in (Route.ALERTS, Route.HEARTBEAT, Route.LIVE, Route.READY, Route.METRICS)
}


def match_path(path: str) -> Matched:
    """Find the route of a path."""
    fixed = _FIXED.get(path)
    if fixed is not None:
        return fixed
    token = path.removeprefix(PATH)
    if token != path and token and "/" not in token:
        return Matched(Route.ACT, token)
    return Matched(Route.UNMATCHED)
