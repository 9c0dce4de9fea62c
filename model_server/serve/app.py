"""What happens to every request: match, let in, decode, handle; and one place where errors become answers."""

from collections.abc import Awaitable
from functools import cache
from time import perf_counter
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from structlog.typing import FilteringBoundLogger

from model_server.errors import RequestRefusedError
from model_server.serve.auth import Gatekeeper
from model_server.serve.endpoint import MAX_BODY_BYTES, Call, Endpoint, Style
from model_server.serve.failures import describe_failure, render_failure
from model_server.serve.http.message import Answer, Refusal, Request, render_headers
from model_server.serve.metrics import ServeMetrics
from model_server.serve.routes import UNMATCHED, Matched, Router
from model_server.serve.settings import ServeSettings
from model_server.serve.trace import IdSource, RequestIds
from model_server.serve.wire import decode_body

CLIENT_GONE = 499
_MAX_QUERY_FIELDS = 16
# Chosen: a few paths get nearly all requests; whatever else is asked for is matched each time.
_REMEMBERED_TARGETS = 256
_NOT_JSON = "the body must be JSON; send content-type: application/json"
_JSON_TYPES = frozenset({b"application/json"})
_PROTOCOL_TYPES = frozenset({b"application/json", b"application/octet-stream", b""})


class Application:
    """Answers the requests of one worker."""

    def __init__(
        self,
        settings: ServeSettings,
        router: Router,
        gatekeeper: Gatekeeper,
        *,
        metrics: ServeMetrics,
        log: FilteringBoundLogger,
    ) -> None:
        """Take over the parts; nothing listens yet."""
        self._router = router
        self._gatekeeper = gatekeeper
        self._metrics = metrics
        self._log = log
        self._ids = IdSource()
        self._head = render_headers([("x-cryo-colour", settings.colour), ("x-cryo-version", settings.version)])
        self._remembered: dict[tuple[str, bytes], Matched] = {}

    def body_limit(self, target: bytes) -> int:
        """Bytes a request to this target may bring."""
        known = self._remembered.get(("POST", target))
        if known is not None:
            return known.endpoint.max_body
        return self._router.max_body(_path_of(target), default=MAX_BODY_BYTES)

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """Answer a request, at once where nothing has to be waited for."""
        ids = self._ids.identify(request)
        try:
            matched = self._remembered.get((request.method, request.target)) or self._match(request)
            result = self._call(request, matched, ids)
        except Exception as error:  # noqa: BLE001 - the boundary: described, logged when unforeseen, and the worker lives
            return self._fail(request, ids, error)
        if isinstance(result, Answer):
            return self._finish(request, ids, matched.endpoint.template, result)
        return self._finish_later(request, ids, matched.endpoint, result)

    def refuse(self, refusal: Refusal, target: bytes) -> Answer:
        """Word the answer to a request that could not be read."""
        path = _path_of(target)
        error = RequestRefusedError(refusal.message, code=refusal.code, status=refusal.status)
        ids = self._ids.identify(Request("", target, {}))
        answer = render_failure(describe_failure(error), self._router.style(path))
        self._metrics.count_request(self._router.template(path), "other", status=refusal.status, seconds=0.0)
        return Answer(answer.status, answer.body, answer.content_type, self._head + ids.head + answer.head, close=True)

    def abandon(self, request: Request) -> None:
        """Count a caller who left before the answer was ready."""
        seconds = perf_counter() - request.began
        route = self._router.template(_path_of(request.target))
        self._metrics.count_request(route, request.method, status=CLIENT_GONE, seconds=seconds)

    def _call(self, request: Request, matched: Matched, ids: RequestIds) -> Answer | Awaitable[Answer]:
        endpoint = matched.endpoint
        principal = self._gatekeeper.admit(request.headers.get(b"authorization"), endpoint.role, exempt=endpoint.exempt)
        query: dict[str, str] = {}
        body: Any = None
        if endpoint.style is Style.API:
            query = _read_query(request.target, endpoint)
            if endpoint.body is not None and (request.body or not endpoint.body_optional):
                _refuse_media_type(request, _JSON_TYPES)
                body = decode_body(endpoint.body, request.body)
        elif endpoint.style is Style.PROTOCOL and request.method == "POST":
            _refuse_media_type(request, _PROTOCOL_TYPES)
        return endpoint.handle(Call(request, matched.parameters, query, principal, body, ids.request_id))

    async def _finish_later(
        self, request: Request, ids: RequestIds, endpoint: Endpoint, promised: Awaitable[Answer]
    ) -> Answer:
        try:
            answer = await promised
        except Exception as error:  # noqa: BLE001 - as in `answer`
            return self._fail(request, ids, error)
        return self._finish(request, ids, endpoint.template, answer)

    def _match(self, request: Request) -> Matched:
        path = _path_of(request.target)
        lost = self._router.find_lost(request.method, path, request.headers.get(b"accept", b""))
        if lost is not None:
            return lost
        matched = self._router.match(request.method, path)
        if b"?" not in request.target:
            if len(self._remembered) >= _REMEMBERED_TARGETS:
                self._remembered.pop(next(iter(self._remembered)))
            self._remembered[request.method, request.target] = matched
        return matched

    def _fail(self, request: Request, ids: RequestIds, error: Exception) -> Answer:
        path = _path_of(request.target)
        route = self._router.template(path)
        failure = describe_failure(error)
        if failure.unforeseen:
            self._log.exception(
                "model_server.request.failed", correlation_id=ids.request_id, route=route, exc_info=error
            )
            message = f"the server failed; its log has the cause under request id {ids.request_id}"
            failure = failure._replace(message=message)
        answer = render_failure(failure, self._router.style(path))
        if failure.status == 405:  # noqa: PLR2004 - the one status with a header of its own
            answer = answer._replace(head=answer.head + render_headers([("allow", self._router.allowed(path))]))
        return self._finish(request, ids, route, answer)

    def _finish(self, request: Request, ids: RequestIds, route: str, answer: Answer) -> Answer:
        self._metrics.count_request(route, request.method, status=answer.status, seconds=perf_counter() - request.began)
        return Answer(
            answer.status, answer.body, answer.content_type, self._head + ids.head + answer.head, answer.close
        )


class _Query(NamedTuple):
    known: frozenset[str]
    required: frozenset[str]


@cache
def _query_of(endpoint: Endpoint) -> _Query:
    names = frozenset(parameter.name for parameter in endpoint.query)
    return _Query(names, frozenset(parameter.name for parameter in endpoint.query if parameter.required))


def _read_query(target: bytes, endpoint: Endpoint) -> dict[str, str]:
    _, _, text = target.partition(b"?")
    allowed = _query_of(endpoint)
    if not text and not allowed.required:
        return {}
    try:
        fields = parse_qsl(
            text.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_QUERY_FIELDS, errors="strict"
        )
    except ValueError as error:
        raise RequestRefusedError(f"unreadable query: {error}", code="invalid_query", status=422) from error
    query = dict(fields)
    wrong = [f"{name[:64]!r} is unknown" for name in query if name not in allowed.known]
    wrong += [f"{name} is missing" for name in sorted(allowed.required - set(query))]
    if len(query) != len(fields):
        wrong.append("a name is given twice")
    if wrong:
        known = ", ".join(sorted(allowed.known)) or "none"
        raise RequestRefusedError(f"query: {'; '.join(wrong)} (known: {known})", code="invalid_query", status=422)
    return query


def _refuse_media_type(request: Request, allowed: frozenset[bytes]) -> None:
    media_type = request.headers.get(b"content-type", b"")
    if media_type not in allowed and media_type.partition(b";")[0].strip().lower() not in allowed:
        raise RequestRefusedError(_NOT_JSON, code="unsupported_media_type", status=415)


def _path_of(target: bytes) -> str:
    return target.partition(b"?")[0].decode("latin-1") or UNMATCHED
