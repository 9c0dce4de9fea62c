"""One request from head to answer: its id, its measurement, and a 500 for what nobody foresaw."""

import re
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus
from time import perf_counter

from structlog.typing import FilteringBoundLogger

from agents.runtime.names import HEADER_COLOUR, HEADER_REQUEST_ID, HEADER_VERSION
from agents.runtime.settings import Identity
from agents.runtime.web.answer import Answer
from agents.runtime.web.body import CLOSING
from agents.runtime.web.drain import Drain
from agents.runtime.web.rsgi import DISCONNECTS, Exchange, RequestScope

_REQUEST_ID = re.compile(r"[A-Za-z0-9._:-]{1,128}")
_CLIENT_GONE = 499


@dataclass(frozen=True, slots=True)
class Endpoint:
    """How one agent answers; the routes themselves are the agent's."""

    agent: str
    """Name in log events."""
    identity: Identity
    """Told in two headers of every answer."""
    drain: Drain
    log: FilteringBoundLogger
    count: Callable[[str, int, float], None]
    """Takes route, status and seconds of every request."""
    refuse: Callable[[HTTPStatus, str], Answer]
    """Makes an error in the form that this agent's callers know."""

    async def serve(self, scope: RequestScope, protocol: Exchange, route: str, answering: Awaitable[Answer]) -> None:
        """Await the answer and send it; a caller who left is counted with status 499."""
        began = perf_counter()
        given = scope.headers.get(HEADER_REQUEST_ID)
        request_id = given if given is not None and _REQUEST_ID.fullmatch(given) else uuid.uuid4().hex
        try:
            answer = await answering
        except DISCONNECTS:
            self.count(route, _CLIENT_GONE, perf_counter() - began)
            return
        except Exception:
            failed = f"{self.agent}.request.failed"
            self.log.exception(failed, correlation_id=request_id, route=route)
            details = f"the service failed; its log has the cause under request id {request_id}"
            answer = self.refuse(HTTPStatus.INTERNAL_SERVER_ERROR, details)
        self._send(protocol, answer, request_id)
        self.count(route, answer.status, perf_counter() - began)

    def _send(self, protocol: Exchange, answer: Answer, request_id: str) -> None:
        colour = self.identity.colour.value if self.identity.colour else "none"
        headers = [(HEADER_COLOUR, colour), (HEADER_VERSION, self.identity.version), (HEADER_REQUEST_ID, request_id)]
        headers += answer.headers
        if self.drain.draining or answer.status in CLOSING:
            headers.append(("connection", "close"))
        if answer.status == HTTPStatus.NOT_MODIFIED:
            protocol.response_empty(answer.status, headers)
        else:
            protocol.response_bytes(answer.status, [*headers, ("content-type", answer.content_type)], answer.body)
