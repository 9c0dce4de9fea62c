"""The RSGI application: one function per route, one place where errors become answers."""

import asyncio
import re
import uuid
from dataclasses import dataclass
from time import perf_counter

import msgspec
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from structlog.typing import FilteringBoundLogger

from model_server.errors import ModelNotReadyError, RequestRefusedError
from model_server.serve.body import declared_size, read_body
from model_server.serve.drain import Drain
from model_server.serve.metrics import ServeMetrics
from model_server.serve.routes import METHOD_OF, Matched, Route, match_path, refuse_unmatched
from model_server.serve.rsgi import DISCONNECTS, RequestScope, ResponseWriter
from model_server.serve.settings import ServeSettings
from model_server.serve.shelf import Shelf
from model_server.serve.wire import (
    ErrorDetail,
    ErrorResponse,
    ModelList,
    PredictionResponse,
    Status,
    decode_request,
    encode,
)

JSON = "application/json"
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
# The body was not read to its end, so the connection cannot carry another request.
_CLOSING_STATUSES = frozenset({408, 413, 415})
_CLIENT_GONE = 499


@dataclass(frozen=True)
class Answer:
    """Status, body and the headers that depend on the route."""

    status: int
    body: bytes
    content_type: str = JSON
    headers: tuple[tuple[str, str], ...] = ()


class Application:
    """What granian calls for every request of one worker."""

    def __init__(
        self, settings: ServeSettings, shelf: Shelf, *, metrics: ServeMetrics, drain: Drain, log: FilteringBoundLogger
    ) -> None:
        """Take over the parts; nothing listens yet."""
        self._shelf = shelf
        self._metrics = metrics
        self._drain = drain
        self._log = log
        self._headers = [("x-cryo-colour", settings.colour), ("x-cryo-version", settings.version)]

    def __rsgi_init__(self, loop: asyncio.AbstractEventLoop) -> None:
        """Run once in the worker, before the first request."""
        self._drain.install(loop)

    async def __rsgi__(self, scope: RequestScope, protocol: ResponseWriter) -> None:
        """Answer one request."""
        started = perf_counter()
        matched = match_path(scope.path)
        request_id = self._request_id(scope)
        with self._drain.request():
            answer = await self._answer(scope, protocol, matched, request_id)
            if answer.status != _CLIENT_GONE:
                self._send(protocol, answer, request_id)
        self._metrics.count_request(matched.route, scope.method, status=answer.status, seconds=perf_counter() - started)

    @staticmethod
    def _request_id(scope: RequestScope) -> str:
        given = scope.headers.get("x-request-id")
        return given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex

    def _send(self, protocol: ResponseWriter, answer: Answer, request_id: str) -> None:
        headers = [*self._headers, ("x-request-id", request_id), ("content-type", answer.content_type), *answer.headers]
        if self._drain.draining or answer.status in _CLOSING_STATUSES:
            headers.append(("connection", "close"))
        protocol.response_bytes(answer.status, headers, answer.body)

    async def _answer(self, scope: RequestScope, protocol: ResponseWriter, matched: Matched, request_id: str) -> Answer:
        try:
            refuse_unmatched(matched, scope.method)
            if matched.route is Route.PREDICTIONS:
                return await self._predict(scope, protocol)
            return self._read_only(matched)
        except RequestRefusedError as error:
            allow = (("allow", METHOD_OF[matched.route]),) if matched.route in METHOD_OF else ()
            return _refusal(error.status, ErrorDetail(error.code, str(error), error.path), allow)
        except ModelNotReadyError as error:
            retry = (("retry-after", f"{error.retry_after_s:.0f}"),)
            return _refusal(503, ErrorDetail("model_not_ready", str(error)), retry)
        except DISCONNECTS:
            return Answer(_CLIENT_GONE, b"")
        except Exception:  # noqa: BLE001 - the loop boundary: logged, counted as 500, and the worker lives
            self._log.exception("model_server.request.failed", correlation_id=request_id, route=matched.route.value)
            message = f"the server failed; its log has the cause under request id {request_id}"
            return _refusal(500, ErrorDetail("internal_error", message))

    def _read_only(self, matched: Matched) -> Answer:
        match matched.route:
            case Route.LIVE:
                return Answer(200, encode(Status("alive")))
            case Route.READY:
                return self._readiness()
            case Route.METRICS:
                return Answer(200, generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST)
            case Route.CARD:
                return Answer(200, self._shelf.find(matched.name, status=404).release.card_content)
            case _:
                return Answer(200, encode(ModelList(self._shelf.entries())))

    def _readiness(self) -> Answer:
        reasons = list(self._shelf.unready_reasons)
        if self._drain.draining:
            reasons.append("draining after SIGTERM")
        if reasons:
            return _refusal(503, ErrorDetail("not_ready", "; ".join(reasons)))
        return Answer(200, encode(Status("ready")))

    async def _predict(self, scope: RequestScope, protocol: ResponseWriter) -> Answer:
        request = decode_request(await read_body(protocol, declared_size(scope.headers)))
        predictor = self._shelf.find(request.target, status=422, path="target")
        asked = None if isinstance(request.confidence_level, msgspec.UnsetType) else request.confidence_level
        level = predictor.choose_level(asked)
        predictions = await predictor.predict([molecule.smiles for molecule in request.inputs], level)
        unit = predictor.release.card.model.unit
        return Answer(200, encode(PredictionResponse(request.target, unit, level, predictor.name, predictions)))


def _refusal(status: int, detail: ErrorDetail, headers: tuple[tuple[str, str], ...] = ()) -> Answer:
    return Answer(status, encode(ErrorResponse(detail)), JSON, headers)
