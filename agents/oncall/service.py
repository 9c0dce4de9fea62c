"""The RSGI application: Alertmanager's webhook, the heartbeat, links, probes and metrics."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import parse_qs

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import FilteringBoundLogger

from agents.oncall import pages
from agents.oncall.desk import Desk
from agents.oncall.errors import IncidentUnknownError, LinkInvalidError, PayloadInvalidError
from agents.oncall.links import Grant
from agents.oncall.metrics import OncallMetrics
from agents.oncall.payload import parse_notice
from agents.oncall.routes import Matched, Route, match_path
from agents.runtime.errors import AgentError, TemporaryError
from agents.runtime.names import APP_ONCALL
from agents.runtime.settings import Identity
from agents.runtime.web.answer import JSON, Answer
from agents.runtime.web.body import BodyRefusedError, media_type_of, read_body
from agents.runtime.web.drain import Drain
from agents.runtime.web.endpoint import Endpoint
from agents.runtime.web.rsgi import Exchange, RequestScope

# Chosen: a group of 200 alerts with long annotations has 400 kB.
MAX_BODY_BYTES = 2 * 1024 * 1024
_ENCODE = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application answers with."""

    desk: Desk
    metrics: OncallMetrics
    drain: Drain
    log: FilteringBoundLogger
    start: Callable[[], None]
    """Begins the work in the background."""
    close: Callable[[], None]
    """Ends what the parts keep open."""


class Application:
    """What granian calls for every request of one worker."""

    def __init__(self, parts: Parts, identity: Identity) -> None:
        """Take over the parts; nothing listens yet."""
        self._parts = parts
        self._endpoint = Endpoint(
            APP_ONCALL,
            identity=identity,
            drain=parts.drain,
            log=parts.log,
            count=parts.metrics.count_request,
            refuse=_refuse,
        )

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, before the first request."""
        self._parts.drain.install(loop)
        self._parts.start()

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, after the last request."""
        self._parts.close()

    async def __rsgi__(self, scope: RequestScope, protocol: Exchange) -> None:
        """Answer one request."""
        matched = match_path(scope.path)
        await self._endpoint.serve(scope, protocol, matched.route, self._answer(scope, protocol, matched))

    async def _answer(self, scope: RequestScope, protocol: Exchange, matched: Matched) -> Answer:
        route = matched.route
        if route is Route.UNMATCHED:
            return _refuse(HTTPStatus.NOT_FOUND, f"no such path; Alertmanager posts to {Route.ALERTS}")
        if scope.method not in route.methods:
            allowed = ", ".join(route.methods)
            details = f"{route} answers {allowed}; change the method"
            return _refuse(HTTPStatus.METHOD_NOT_ALLOWED, details, (("allow", allowed),))
        if route is Route.METRICS:
            return Answer(HTTPStatus.OK, generate_latest(self._parts.metrics.registry), (), CONTENT_TYPE_LATEST)
        if route is Route.ACT:
            return await self._act(scope, protocol, matched.token)
        if route in {Route.ALERTS, Route.HEARTBEAT}:
            return await self._receive(scope, protocol, route)
        return self._probe(route)

    async def _receive(self, scope: RequestScope, protocol: Exchange, route: Route) -> Answer:
        try:
            content = await read_body(scope.headers, protocol, max_bytes=MAX_BODY_BYTES)
            if media_type_of(scope.headers) != JSON:
                return _refuse(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, f"send content-type: {JSON}")
            notice = parse_notice(content)
        except BodyRefusedError as error:
            self._parts.metrics.count_notice("refused")
            return _refuse(error.status, str(error))
        except PayloadInvalidError as error:
            self._parts.metrics.count_notice("refused")
            self._parts.log.warning("oncall.notice.refused", reason=str(error))
            return _refuse(HTTPStatus.BAD_REQUEST, str(error))
        if route is Route.HEARTBEAT:
            if notice.firing:
                self._parts.desk.beat()
            return Answer(HTTPStatus.OK, b'{"status":"heard"}')
        try:
            recorded = await asyncio.to_thread(self._parts.desk.receive, notice)
        except AgentError as error:
            # 5xx, whatever it was: Alertmanager tries again after it, and forgets the notification after a 4xx.
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, f"not kept: {error}")
        return Answer(HTTPStatus.OK, _ENCODE({"incident": recorded.incident_id, "because": recorded.decision.because}))

    async def _act(self, scope: RequestScope, protocol: Exchange, token: str) -> Answer:
        try:
            grant = self._parts.desk.read_link(token)
            if scope.method == "GET":
                return pages.show_incident(grant.incident_id, await asyncio.to_thread(self._parts.desk.read, grant))
            return await self._press(scope, protocol, grant)
        except BodyRefusedError as error:
            return pages.show_problem(error.status, str(error))
        except TemporaryError as error:
            return pages.show_problem(HTTPStatus.SERVICE_UNAVAILABLE, f"Nothing was changed; try again. {error}")
        except (LinkInvalidError, IncidentUnknownError) as error:
            unknown = isinstance(error, IncidentUnknownError)
            return pages.show_problem(HTTPStatus.NOT_FOUND if unknown else HTTPStatus.FORBIDDEN, str(error))

    async def _press(self, scope: RequestScope, protocol: Exchange, grant: Grant) -> Answer:
        content = await read_body(scope.headers, protocol, max_bytes=1024)
        action = parse_qs(content.decode("ascii", "replace")).get("action", [""])[0]
        if action not in pages.ACTIONS:
            return pages.show_problem(HTTPStatus.BAD_REQUEST, "The button was not understood; open the link again.")
        incident, told = await asyncio.to_thread(self._parts.desk.act, grant, action)
        return pages.show_incident(grant.incident_id, incident, told=told)

    def _probe(self, route: Route) -> Answer:
        """Ready also without the database: people are told without it, and Alertmanager needs the answer."""
        if route is Route.LIVE:
            dead = self._parts.desk.dead_workers()
            if dead:
                return _refuse(HTTPStatus.INTERNAL_SERVER_ERROR, f"workers ended: {', '.join(dead)}")
            return Answer(HTTPStatus.OK, b'{"status":"alive"}')
        if self._parts.drain.draining:
            return _refuse(HTTPStatus.SERVICE_UNAVAILABLE, "draining after SIGTERM")
        return Answer(HTTPStatus.OK, b'{"status":"ready"}')


def _refuse(status: HTTPStatus, text: str, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, _ENCODE({"error": text}), headers)
