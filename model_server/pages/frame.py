"""What every page shares: reading the query, the frame around the content, headers, and errors as a page."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import parse_qsl

from model_server.errors import ModelServerError, RequestRefusedError
from model_server.pages import wording
from model_server.pages.bundle import Bundle
from model_server.serve.endpoint import Call, Endpoint, Style
from model_server.serve.failures import HTML, describe_failure
from model_server.serve.http.message import Answer, render_headers

if TYPE_CHECKING:
    from jinja2 import Environment

TEMPLATES_DIR = Path(__file__).resolve().parent / "templates"
# Chosen: a mixture of 24 rows has 72 fields, its conditions and choices some more.
_MAX_FIELDS = 128
_HEADERS = {
    "cache-control": "no-cache",
    # No inline script or style anywhere, so none that somebody smuggles in would run.
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
    "font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    # A molecule in the address may be confidential.
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}

Fields = Mapping[str, str]
PageHandler = Callable[[Call, Fields], Awaitable[Answer]]


class Tab(NamedTuple):
    """One tab of the navigation."""

    path: str
    title: str


TABS = (
    Tab("/", "Predict"),
    Tab("/models", "Models"),
    Tab("/validation", "Validation"),
    Tab("/importance", "Importance"),
    Tab("/compare", "Compare"),
    Tab("/train", "Train"),
    Tab("/drift", "Drift"),
)


class Build(NamedTuple):
    """What the footer says about the server."""

    version: str
    colour: str


class Frame:
    """Renders pages."""

    def __init__(self, bundle: Bundle, build: Build) -> None:
        """Take the parts; templates are compiled when the first page is asked for."""
        self._bundle = bundle
        self._build = build
        self._head = render_headers(_HEADERS.items())

    @cached_property
    def _environment(self) -> "Environment":
        # Imported late: a server that is only asked by programs starts sooner and stays smaller.
        from jinja2 import Environment, FileSystemLoader, StrictUndefined  # noqa: PLC0415

        environment = Environment(
            loader=FileSystemLoader(TEMPLATES_DIR),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
        )
        environment.globals |= {"static": self._bundle.url, "tabs": TABS, "build": self._build}
        environment.filters |= wording.FILTERS
        return environment

    async def show(self, template: str, tab: str, context: Mapping[str, Any], *, status: int = 200) -> Answer:
        """Render a page beside the event loop, so that requests of the API do not wait for it.

        Args:
            template: file name.
            tab: path of the tab that is marked as the current one.
            context: what the template shows.
            status: of HTTP.
        """
        return await asyncio.to_thread(self._render, template, tab, context, status)

    def page(self, path: str, tab: str, handle: PageHandler, summary: str) -> Endpoint:
        """Describe an endpoint whose refusals are pages too."""

        async def answer(call: Call) -> Answer:
            try:
                return await handle(call, read_fields(call.request.target))
            except ModelServerError as error:
                failure = describe_failure(error)
                return await self.show("refused.html", tab, {"failure": failure}, status=failure.status)

        return Endpoint("GET", path, answer, summary, "Pages", style=Style.PAGE)

    def _render(self, template: str, tab: str, context: Mapping[str, Any], status: int) -> Answer:
        text = self._environment.get_template(template).render(tab=tab, **context)
        return Answer(status, text.encode(), HTML, self._head)


def read_fields(target: bytes) -> Fields:
    """Read the query of a form.

    Raises:
        RequestRefusedError: 422, not a query, too many fields, or a field given twice (permanent).
    """
    _, _, text = target.partition(b"?")
    try:
        pairs = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict", encoding="utf-8"
        )
    except ValueError as error:
        raise RequestRefusedError(f"unreadable query: {error}", code="invalid_query", status=422) from error
    fields = {name: value.strip() for name, value in pairs}
    if len(fields) != len(pairs):
        message = "a field is given twice; go back and send the form again"
        raise RequestRefusedError(message, code="invalid_query", status=422)
    return fields
