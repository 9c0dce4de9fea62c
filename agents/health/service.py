"""The RSGI application: reports, fixes, probes and metrics."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from typing import Any, Protocol

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import FilteringBoundLogger

from agents.health.answers import answer_problem, answer_report, answer_value
from agents.health.definition import Profile
from agents.health.errors import (
    AuditMissingError,
    MenderBusyError,
    PlanChangedError,
    ReportUnknownError,
    SelectionError,
    StandbyRefusedError,
)
from agents.health.findings import Report
from agents.health.fixing import FixAnswer, FixRequest
from agents.health.history import History
from agents.health.keeper import ReportKeeper
from agents.health.metrics import HealthMetrics
from agents.health.page import render_page
from agents.health.reports import trend
from agents.health.routes import Asked, Route, match_path, parse_query
from agents.runtime.errors import AgentError, DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.names import APP_HEALTH, HEADER_REQUEST_ID
from agents.runtime.settings import Identity
from agents.runtime.web.answer import JSON, Answer
from agents.runtime.web.bearer import Caller, CallerRefusedError, Gatekeeper, Role
from agents.runtime.web.body import BodyRefusedError, media_type_of, read_body
from agents.runtime.web.drain import Drain
from agents.runtime.web.endpoint import Endpoint
from agents.runtime.web.rsgi import Exchange, HeaderLookup, RequestScope

# Chosen: two lists of at most 200 names.
MAX_BODY_BYTES = 128 * 1024
HTML = "text/html"
# The page carries its own style and needs nothing else.
_PAGE_HEADERS = (("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'"), ("vary", "accept"))
_CONNECTION_ONLY = Asked(Profile.QUICK, ("availability",))
_STATUS = {
    SelectionError: HTTPStatus.BAD_REQUEST,
    ReportUnknownError: HTTPStatus.NOT_FOUND,
    PlanChangedError: HTTPStatus.CONFLICT,
    MenderBusyError: HTTPStatus.CONFLICT,
    StandbyRefusedError: HTTPStatus.CONFLICT,
    AuditMissingError: HTTPStatus.CONFLICT,
    DatabaseRefusedError: HTTPStatus.SERVICE_UNAVAILABLE,
    DatabaseUnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}


class HealthScope(RequestScope, Protocol):
    """The head of a request, with its query."""

    @property
    def query_string(self) -> str:
        """What follows the question mark."""
        ...


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application answers with."""

    keeper: ReportKeeper
    gatekeeper: Gatekeeper
    fix: Callable[[FixRequest, Caller, str | None], FixAnswer] | None
    """Plans or carries out a fix; blocks. None where fixes are not enabled."""
    history: History
    document: dict[str, Any]
    metrics: HealthMetrics
    drain: Drain
    log: FilteringBoundLogger
    close: Callable[[], None]


class Application:
    """What granian calls for every request of one worker."""

    def __init__(self, parts: Parts, identity: Identity) -> None:
        """Take over the parts; nothing listens yet."""
        self._parts = parts
        self._fixing = asyncio.Lock()
        self._endpoint = Endpoint(
            APP_HEALTH,
            identity=identity,
            drain=parts.drain,
            log=parts.log,
            count=parts.metrics.count_request,
            refuse=answer_problem,
        )

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, before the first request."""
        self._parts.drain.install(loop)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, after the last request."""
        self._parts.close()

    async def __rsgi__(self, scope: HealthScope, protocol: Exchange) -> None:
        """Answer one request."""
        route, number = match_path(scope.path)
        await self._endpoint.serve(scope, protocol, route, self._answer(scope, protocol, route, number))

    async def _answer(self, scope: HealthScope, protocol: Exchange, route: Route, number: int) -> Answer:
        if route is Route.UNMATCHED:
            return answer_problem(HTTPStatus.NOT_FOUND, f"no such path; {Route.OPENAPI} names all")
        if scope.method != route.method:
            allowed = (("allow", route.method),)
            return answer_problem(HTTPStatus.METHOD_NOT_ALLOWED, f"{route} answers {route.method} only", allowed)
        try:
            if route in {Route.REPORTS, Route.REPORT}:
                return await self._kept(scope.headers, number)
            return await self._dispatch(scope, protocol, route)
        except (CallerRefusedError, BodyRefusedError) as error:
            asks = (("www-authenticate", "Bearer"),) if error.status == HTTPStatus.UNAUTHORIZED else ()
            return answer_problem(error.status, str(error), asks)
        except AgentError as error:
            status = _STATUS.get(type(error))
            if status is None:
                raise
            return answer_problem(status, str(error))

    async def _dispatch(self, scope: HealthScope, protocol: Exchange, route: Route) -> Answer:
        parts = self._parts
        if route is Route.LIVE:
            return answer_value({"status": "alive"})
        if route is Route.METRICS:
            return Answer(HTTPStatus.OK, generate_latest(parts.metrics.registry), (), CONTENT_TYPE_LATEST)
        if route is Route.OPENAPI:
            return answer_value(parts.document)
        if route is Route.FIX:
            return await self._fix(scope, protocol)
        if route is Route.DATABASE:
            return await self._report(scope.headers, parse_query(scope.query_string))
        return await self._readiness(wait_for_database=route is not Route.STARTUP)

    async def _report(self, headers: HeaderLookup, asked: Asked) -> Answer:
        caller = self._parts.gatekeeper.identify(headers.get("authorization"))
        report = await self._parts.keeper.answer(asked)
        return answer_report(
            report,
            whole=caller is not None,
            accept=headers.get("accept") or "",
            if_none_match=headers.get("if-none-match") or "",
        )

    async def _kept(self, headers: HeaderLookup, number: int) -> Answer:
        self._parts.gatekeeper.demand(headers.get("authorization"), Role.VIEWER)
        history = self._parts.history
        if not number:
            return answer_value(await asyncio.to_thread(history.list_reports))
        stored = await asyncio.to_thread(history.read, number)
        if HTML not in (headers.get("accept") or ""):
            return answer_value(stored)
        trends = trend(await asyncio.to_thread(partial(history.list_reports, until=number)))
        page = render_page(stored.report, difference=stored.difference, trends=trends)
        return Answer(HTTPStatus.OK, page.encode(), _PAGE_HEADERS, f"{HTML}; charset=utf-8")

    async def _fix(self, scope: HealthScope, protocol: Exchange) -> Answer:
        caller = self._parts.gatekeeper.demand(scope.headers.get("authorization"), Role.OPERATOR)
        if self._parts.fix is None:
            details = "fixes are not enabled here: the service has no role that owns the tables; use `cryo health fix`"
            return answer_problem(HTTPStatus.FORBIDDEN, details)
        content = await read_body(scope.headers, protocol, max_bytes=MAX_BODY_BYTES)
        if media_type_of(scope.headers) != JSON:
            return answer_problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send content-type: {JSON}")
        try:
            request = msgspec.json.decode(content, type=FixRequest)
        except msgspec.DecodeError as error:
            return answer_problem(HTTPStatus.BAD_REQUEST, str(error))
        if self._fixing.locked() and request.hash is not None:
            return answer_problem(HTTPStatus.CONFLICT, "another fix runs here; wait for it and look again")
        async with self._fixing:
            answer = await asyncio.to_thread(self._parts.fix, request, caller, scope.headers.get(HEADER_REQUEST_ID))
        if answer.applied:
            self._parts.keeper.forget()
        return answer_value(answer)

    async def _readiness(self, *, wait_for_database: bool) -> Answer:
        """Ready while the database answers; started as soon as the process does, whatever the database says."""
        if self._parts.drain.draining:
            return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "draining after SIGTERM")
        if wait_for_database and not await self._connected():
            return answer_problem(HTTPStatus.SERVICE_UNAVAILABLE, "the database does not answer")
        return answer_value({"status": "ready"})

    async def _connected(self) -> bool:
        report: Report = await self._parts.keeper.answer(_CONNECTION_ONLY)
        return report.server_version is not None
