"""Reads and writes the weights inside an HTTPRoute's rule; pure."""

from dataclasses import dataclass, replace
from typing import Any

from agents.release.errors import ReleaseRefusedError
from agents.runtime.cluster import HttpRoute
from agents.runtime.names import Colour, service_name

FULL_WEIGHT = 100
_DEFAULT_WEIGHT = 1  # cited: Gateway API, HTTPBackendRef.weight


@dataclass(frozen=True, slots=True)
class Weights:
    """How a route divides traffic."""

    blue: int
    green: int

    @property
    def live(self) -> Colour | None:
        """The colour that has all traffic; None when neither has."""
        if self.blue > 0 and self.green == 0:
            return Colour.BLUE
        if self.green > 0 and self.blue == 0:
            return Colour.GREEN
        return None

    def __str__(self) -> str:
        """Write it for a log line or an error."""
        return f"blue {self.blue}, green {self.green}"


def weights_for(colour: Colour, share: int) -> Weights:
    """Return the weights that give a colour a share of traffic in percent."""
    rest = FULL_WEIGHT - share
    return Weights(blue=share, green=rest) if colour is Colour.BLUE else Weights(blue=rest, green=share)


def read_weights(route: HttpRoute, app: str) -> Weights:
    """Return the weights of both colours.

    Raises:
        ReleaseRefusedError: the route is not one rule with exactly the two colours behind it.
    """
    backends = _find_backends(route, app)
    return Weights(blue=_weight(backends[Colour.BLUE]), green=_weight(backends[Colour.GREEN]))


def give(route: HttpRoute, app: str, colour: Colour, share: int) -> HttpRoute:
    """Return the route with a share of traffic, in percent, on one colour, the rest on the other, and nothing else new.

    Raises:
        ReleaseRefusedError: the route is not one rule with exactly the two colours behind it.
    """
    _find_backends(route, app)
    weights = {service_name(app, colour): share, service_name(app, colour.other): FULL_WEIGHT - share}
    rule = dict(route.rules[0])
    rule["backendRefs"] = [{**backend, "weight": weights[backend["name"]]} for backend in rule["backendRefs"]]
    return replace(route, rules=(rule,))


def _find_backends(route: HttpRoute, app: str) -> dict[Colour, dict[str, Any]]:
    where = f"HTTPRoute {route.namespace}/{route.name}"
    wanted = {service_name(app, colour): colour for colour in Colour}
    if len(route.rules) != 1:
        message = f"{where} has {len(route.rules)} rules, a release needs exactly one; run `pulumi up` to restore it"
        raise ReleaseRefusedError(message)
    backends = list(route.rules[0].get("backendRefs") or ())
    found = sorted(str(backend.get("name")) for backend in backends)
    if found != sorted(wanted):
        message = (
            f"{where} sends traffic to {', '.join(found) or 'nothing'}, a release needs exactly "
            f"{' and '.join(sorted(wanted))}; run `pulumi up` to restore it"
        )
        raise ReleaseRefusedError(message)
    return {wanted[backend["name"]]: backend for backend in backends}


def _weight(backend: dict[str, Any]) -> int:
    return int(backend.get("weight", _DEFAULT_WEIGHT))
