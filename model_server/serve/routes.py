"""Which path and method mean what; pure, so that every refusal is a table row in a test."""

import re
from dataclasses import dataclass
from enum import StrEnum

from model_server.errors import RequestRefusedError
from model_server.registry.folder import NAME_PATTERN


class Route(StrEnum):
    """Routes by the template that appears in metrics."""

    LIVE = "/livez"
    READY = "/readyz"
    METRICS = "/metrics"
    MODELS = "/api/v1/models"
    CARD = "/api/v1/models/{name}/card"
    PREDICTIONS = "/api/v1/predictions"
    UNMATCHED = "unmatched"


METHOD_OF = {
    Route.LIVE: "GET",
    Route.READY: "GET",
    Route.METRICS: "GET",
    Route.MODELS: "GET",
    Route.CARD: "GET",
    Route.PREDICTIONS: "POST",
}
_FIXED_PATHS = {route.value: route for route in METHOD_OF if route is not Route.CARD}
_NO_SUCH_PATH = "no such path; the API starts at /api/v1/models"
_CARD_PATH = re.compile(r"/api/v1/models/(?P<name>[^/]+)/card")


@dataclass(frozen=True)
class Matched:
    """A path that means something; `name` is the model of a card route."""

    route: Route
    name: str = ""


def match_path(path: str) -> Matched:
    """Find the route of a path; `Route.UNMATCHED` when there is none."""
    fixed = _FIXED_PATHS.get(path)
    if fixed is not None:
        return Matched(fixed)
    card = _CARD_PATH.fullmatch(path)
    if card is not None and NAME_PATTERN.fullmatch(card["name"]):
        return Matched(Route.CARD, card["name"])
    return Matched(Route.UNMATCHED)


def refuse_unmatched(matched: Matched, method: str) -> None:
    """Refuse what no handler answers.

    Raises:
        RequestRefusedError: 404 for an unknown path, 405 for another method (permanent).
    """
    if matched.route is Route.UNMATCHED:
        raise RequestRefusedError(_NO_SUCH_PATH, code="not_found", status=404)
    allowed = METHOD_OF[matched.route]
    if method != allowed:
        raise RequestRefusedError(
            f"{matched.route.value} answers {allowed} only; change the method", code="method_not_allowed", status=405
        )
