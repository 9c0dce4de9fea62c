"""Which path, method and query mean what; pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import parse_qs

from agents.health.definition import Profile
from agents.health.errors import SelectionError
from agents.health.registry import list_groups

_REPORTS = "/api/v1/system/reports"


class Route(StrEnum):
    """Routes by the template that appears in metrics."""

    LIVE = "/livez"
    READY = "/readyz"
    STARTUP = "/startupz"
    HEALTHZ = "/healthz"
    METRICS = "/metrics"
    OPENAPI = "/openapi.json"
    DATABASE = "/api/v1/system/database/health"
    FIX = "/api/v1/system/database/fix"
    REPORTS = _REPORTS
    REPORT = _REPORTS + "/{id}"
    UNMATCHED = "unmatched"

    @property
    def method(self) -> str:
        """The one method that the route answers."""
        return "POST" if self is Route.FIX else "GET"


_FIXED = {route.value: route for route in Route if route not in {Route.REPORT, Route.UNMATCHED}}


@dataclass(frozen=True, slots=True)
class Asked:
    """What of the database was asked for."""

    profile: Profile
    groups: tuple[str, ...]


def match_path(path: str) -> tuple[Route, int]:
    """Find the route of a path, and the number that it ends with."""
    if path in _FIXED:
        return _FIXED[path], 0
    prefix, _, last = path.rpartition("/")
    # Numbers begin with 1, so 0 means that none was given; the table holds no larger ones than eight bytes.
    if prefix == _REPORTS and re.fullmatch(r"[1-9][0-9]{0,17}", last):
        return Route.REPORT, int(last)
    return Route.UNMATCHED, 0


def parse_query(query: str) -> Asked:
    """Read `profile` and `group`; a group may be repeated or joined by commas.

    Raises:
        SelectionError: a parameter or a value means nothing.
    """
    given = parse_qs(query, keep_blank_values=True, max_num_fields=32)
    unknown = sorted(set(given) - {"profile", "group"})
    if unknown:
        message = f"no parameter is named {unknown[0][:40]!r}; use profile and group"
        raise SelectionError(message)
    profiles: Sequence[str] = given.get("profile", ["quick"])
    if len(profiles) != 1 or profiles[0] not in set(Profile):
        message = f"profile is quick or full, not {','.join(profiles)[:40]!r}"
        raise SelectionError(message)
    groups = sorted({name for value in given.get("group", ()) for name in value.split(",")})
    wrong = sorted(set(groups) - set(list_groups()))
    if wrong:
        message = f"no group is named {wrong[0][:40]!r}; the groups are {', '.join(list_groups())}"
        raise SelectionError(message)
    return Asked(Profile(profiles[0]), tuple(groups))
