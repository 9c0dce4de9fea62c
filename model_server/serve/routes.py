"""Which endpoint a path and a method mean; pure, so that every refusal is a table row in a test."""

import re
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.serve.endpoint import Endpoint, Style

UNMATCHED = "unmatched"
_NO_SUCH_PATH = "no such path; GET /api/v1/openapi.json lists what there is"
# A name, a version, an alias or a job: nothing a path parameter may be needs another character.
_PARAMETER = r"(?P<\1>[A-Za-z0-9][A-Za-z0-9._-]{0,127})"
_HTML = b"text/html"
_FOR_PROGRAMS = ("/api/", "/v2/")
_BRACES = re.compile(r"\{(\w+)\}")


class Matched(NamedTuple):
    """An endpoint and the parameters of its path."""

    endpoint: Endpoint
    parameters: Mapping[str, str]


class Router:
    """Finds endpoints."""

    def __init__(self, endpoints: Iterable[Endpoint], *, lost: Endpoint | None = None) -> None:
        """Compile the templates.

        Args:
            endpoints: what there is.
            lost: answers a browser whose path is none of them; None refuses it as any other caller.
        """
        self.endpoints = tuple(endpoints)
        self._lost = lost
        self._fixed: dict[str, dict[str, Endpoint]] = {}
        self._patterns: dict[str, tuple[re.Pattern[str], dict[str, Endpoint]]] = {}
        for endpoint in self.endpoints:
            if "{" in endpoint.template:
                pattern = re.compile(_BRACES.sub(_PARAMETER, endpoint.template))
                self._patterns.setdefault(endpoint.template, (pattern, {}))[1][endpoint.method] = endpoint
            else:
                self._fixed.setdefault(endpoint.template, {})[endpoint.method] = endpoint

    def match(self, method: str, path: str) -> Matched:
        """Find the endpoint.

        Raises:
            RequestRefusedError: 404 for an unknown path, 405 for another method (permanent).
        """
        methods, parameters = self._find(path)
        if methods is None:
            raise RequestRefusedError(_NO_SUCH_PATH, code="not_found", status=404)
        endpoint = methods.get(method)
        if endpoint is None:
            allowed = ", ".join(sorted(methods))
            raise RequestRefusedError(
                f"this path answers {allowed} only; change the method", code="method_not_allowed", status=405
            )
        return Matched(endpoint, parameters)

    def find_lost(self, method: str, path: str, accept: bytes) -> Matched | None:
        """Return what tells a person that there is no such page; None when a program asked, or for another path."""
        is_page = method == "GET" and _HTML in accept and not path.startswith(_FOR_PROGRAMS)
        if self._lost is None or not is_page or self._find(path)[0] is not None:
            return None
        return Matched(self._lost, {})

    def allowed(self, path: str) -> str:
        """Methods of a path, for the Allow header; empty when there is no such path."""
        methods, _ = self._find(path)
        return ", ".join(sorted(methods or {}))

    def template(self, path: str) -> str:
        """Template of a path whatever the method, for metrics."""
        methods, _ = self._find(path)
        return next(iter(methods.values())).template if methods else UNMATCHED

    def style(self, path: str) -> Style:
        """How errors on a path are worded."""
        methods, _ = self._find(path)
        return next(iter(methods.values())).style if methods else style_of(path)

    def max_body(self, path: str, *, default: int) -> int:
        """Bytes that a request to a path may bring, whatever its method."""
        methods, _ = self._find(path)
        return max((endpoint.max_body for endpoint in methods.values()), default=default) if methods else default

    def _find(self, path: str) -> tuple[dict[str, Endpoint] | None, Mapping[str, str]]:
        fixed = self._fixed.get(path)
        if fixed is not None:
            return fixed, {}
        for pattern, methods in self._patterns.values():
            found = pattern.fullmatch(path)
            if found is not None:
                return methods, found.groupdict()
        return None, {}


def style_of(path: str) -> Style:
    """How errors on a path are worded when no endpoint was found."""
    return Style.PROTOCOL if path == "/v2" or path.startswith("/v2/") else Style.API
