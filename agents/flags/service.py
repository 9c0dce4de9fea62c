"""The RSGI application: OFREP for front ends, probes and metrics; it asks its own flags through OpenFeature."""

import asyncio
import re
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter

from openfeature.client import OpenFeatureClient
from openfeature.exception import ErrorCode
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import FilteringBoundLogger

from agents.flags import ofrep
from agents.flags.cache import FlagCache
from agents.flags.drain import Drain
from agents.flags.metrics import FlagMetrics
from agents.flags.ofrep import JSON, Answer, BadRequestError, general_error
from agents.flags.routes import Matched, Route, match_path
from agents.flags.rsgi import DISCONNECTS, Exchange, HeaderLookup, RequestScope
from agents.runtime.names import HEADER_COLOUR, HEADER_REQUEST_ID, HEADER_VERSION
from agents.runtime.settings import Identity

# Chosen: a context is a user's id and a few attributes; nobody's needs a page of text.
MAX_BODY_BYTES = 64 * 1024
# Chosen: slower than any link that this service is meant for.
_BODY_LIMIT_S = 10.0
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CLIENT_GONE = 499
# The body was not read to its end, so the connection cannot carry another request.
_CLOSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


class _BodyRefusedError(Exception):
    """A body that is not read to its end."""

    def __init__(self, status: HTTPStatus, details: str) -> None:
        super().__init__(details)
        self.status = status


@dataclass(frozen=True, slots=True)
class Parts:
    """What the application answers with."""

    client: OpenFeatureClient
    cache: FlagCache
    metrics: FlagMetrics
    drain: Drain
    log: FilteringBoundLogger
    close: Callable[[], None]
    """Ends what the parts keep open."""


class Application:
    """What granian calls for every request of one worker."""

    def __init__(self, parts: Parts, identity: Identity) -> None:
        """Take over the parts; nothing listens yet."""
        self._parts = parts
        colour = identity.colour.value if identity.colour else "none"
        self._headers = [(HEADER_COLOUR, colour), (HEADER_VERSION, identity.version)]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, before the first request."""
        self._parts.drain.install(loop)

    def __rsgi_del__(self, _loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, after the last request."""
        self._parts.close()

    async def __rsgi__(self, scope: RequestScope, protocol: Exchange) -> None:
        """Answer one request."""
        began = perf_counter()
        matched = match_path(scope.path)
        given = scope.headers.get(HEADER_REQUEST_ID)
        request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        try:
            answer = await self._answer(scope, protocol, matched)
        except DISCONNECTS:
            self._parts.metrics.count_request(matched.route, _CLIENT_GONE, perf_counter() - began)
            return
        except Exception:
            self._parts.log.exception("flags.request.failed", correlation_id=request_id, route=matched.route.value)
            details = f"the service failed; its log has the cause under request id {request_id}"
            answer = general_error(HTTPStatus.INTERNAL_SERVER_ERROR, details)
        self._send(protocol, answer, request_id)
        self._parts.metrics.count_request(matched.route, answer.status, perf_counter() - began)

    def _send(self, protocol: Exchange, answer: Answer, request_id: str) -> None:
        headers = [*self._headers, (HEADER_REQUEST_ID, request_id), *answer.headers]
        if self._parts.drain.draining or answer.status in _CLOSING:
            headers.append(("connection", "close"))
        if answer.status == HTTPStatus.NOT_MODIFIED:
            protocol.response_empty(answer.status, headers)
        else:
            protocol.response_bytes(answer.status, [*headers, ("content-type", answer.content_type)], answer.body)

    async def _answer(self, scope: RequestScope, protocol: Exchange, matched: Matched) -> Answer:
        route = matched.route
        if route is Route.UNMATCHED:
            return general_error(HTTPStatus.NOT_FOUND, f"no such path; flags are at {Route.BULK}")
        if scope.method != route.method:
            details = f"{route} answers {route.method} only; change the method"
            return general_error(HTTPStatus.METHOD_NOT_ALLOWED, details, (("allow", route.method),))
        if route in {Route.SINGLE, Route.BULK}:
            return await self._evaluate(scope, protocol, matched.key)
        if route is Route.METRICS:
            return Answer(HTTPStatus.OK, generate_latest(self._parts.metrics.registry), (), CONTENT_TYPE_LATEST)
        return Answer(HTTPStatus.OK, b'{"status":"alive"}') if route is Route.LIVE else self._readiness()

    async def _evaluate(self, scope: RequestScope, protocol: Exchange, key: str | None) -> Answer:
        client = self._parts.client
        try:
            context = ofrep.parse_request(await _read_body(scope.headers, protocol))
            if key is not None:
                return ofrep.answer_flag(
                    client.get_boolean_details(key, default_value=False, evaluation_context=context)
                )
            ofrep.require_key(context)
        except BadRequestError as error:
            return ofrep.answer_refusal(error, key)
        except _BodyRefusedError as error:
            return general_error(error.status, str(error))
        if not self._parts.cache.has_loaded:
            return general_error(HTTPStatus.INTERNAL_SERVER_ERROR, "the flags were not read yet")
        return ofrep.answer_flags(
            [
                client.get_boolean_details(name, default_value=False, evaluation_context=context)
                for name in self._parts.cache.names()
            ],
            if_none_match=scope.headers.get("if-none-match") or "",
        )

    def _readiness(self) -> Answer:
        """Ready once the flags were read; with the database away it stays so, because "off" is an answer too."""
        if self._parts.drain.draining:
            return general_error(HTTPStatus.SERVICE_UNAVAILABLE, "draining after SIGTERM")
        if not self._parts.cache.has_loaded:
            return general_error(HTTPStatus.SERVICE_UNAVAILABLE, "the flags were not read yet")
        return Answer(HTTPStatus.OK, b'{"status":"ready"}')


async def _read_body(headers: HeaderLookup, exchange: Exchange) -> bytes:
    """Read a body without trusting its length, its type or its speed."""
    declared = headers.get("content-length") or ""
    if declared.isdecimal() and (len(declared) > len(str(MAX_BODY_BYTES)) or int(declared) > MAX_BODY_BYTES):
        raise _too_large()
    chunks, size = [], 0
    try:
        async with asyncio.timeout(_BODY_LIMIT_S):
            async for chunk in exchange:
                size += len(chunk)
                if size > MAX_BODY_BYTES:
                    raise _too_large()
                chunks.append(chunk)
    except TimeoutError as error:
        details = f"the body did not arrive within {_BODY_LIMIT_S:g} s; send it faster"
        raise _BodyRefusedError(HTTPStatus.REQUEST_TIMEOUT, details) from error
    media_type = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    if size and media_type != JSON:
        raise BadRequestError(ErrorCode.PARSE_ERROR, f"the body must be JSON; send content-type: {JSON}")
    return b"".join(chunks)


def _too_large() -> _BodyRefusedError:
    details = f"the body exceeds {MAX_BODY_BYTES} bytes; send only what rules need"
    return _BodyRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, details)
