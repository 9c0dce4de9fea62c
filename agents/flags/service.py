"""The RSGI application: OFREP for front ends, probes and metrics; it asks its own flags through OpenFeature."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from openfeature.client import OpenFeatureClient
from openfeature.exception import ErrorCode
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import FilteringBoundLogger

from agents.flags import ofrep
from agents.flags.cache import FlagCache
from agents.flags.metrics import FlagMetrics
from agents.flags.ofrep import BadRequestError, general_error
from agents.flags.routes import Matched, Route, match_path
from agents.runtime.names import APP_FLAGS
from agents.runtime.settings import Identity
from agents.runtime.web.answer import JSON, Answer
from agents.runtime.web.body import BodyRefusedError, media_type_of, read_body
from agents.runtime.web.drain import Drain
from agents.runtime.web.endpoint import Endpoint
from agents.runtime.web.rsgi import Exchange, RequestScope

# Chosen: a context is a user's id and a few attributes; nobody's needs a page of text.
MAX_BODY_BYTES = 64 * 1024


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
        self._endpoint = Endpoint(
            APP_FLAGS,
            identity=identity,
            drain=parts.drain,
            log=parts.log,
            count=parts.metrics.count_request,
            refuse=general_error,
        )

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, before the first request."""
        self._parts.drain.install(loop)

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
            context = ofrep.parse_request(await self._read_json(scope, protocol))
            if key is not None:
                return ofrep.answer_flag(
                    client.get_boolean_details(key, default_value=False, evaluation_context=context)
                )
            ofrep.require_key(context)
        except BadRequestError as error:
            return ofrep.answer_refusal(error, key)
        except BodyRefusedError as error:
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

    async def _read_json(self, scope: RequestScope, protocol: Exchange) -> bytes:
        content = await read_body(scope.headers, protocol, max_bytes=MAX_BODY_BYTES)
        if content and media_type_of(scope.headers) != JSON:
            raise BadRequestError(ErrorCode.PARSE_ERROR, f"the body must be JSON; send content-type: {JSON}")
        return content
