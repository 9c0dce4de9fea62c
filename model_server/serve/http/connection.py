"""One client connection: bytes in, requests to the application, answers out in the same order."""

import asyncio
from collections import deque
from collections.abc import Awaitable
from time import perf_counter
from typing import TYPE_CHECKING, Protocol, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from model_server.serve.http.message import Answer, Refusal, Request, render_answer

if TYPE_CHECKING:
    from model_server.serve.http.listener import Listener

# Chosen: sixteen times what a browser with cookies sends.
MAX_HEAD_BYTES = 32 * 1024
# Chosen: a body of any size this server takes, in ten seconds, is slower than any link the API is meant for.
RECEIVE_LIMIT_S = 10.0
# Chosen: longer than the idle time of the gateways in front, so that they and not this server close first.
IDLE_LIMIT_S = 75.0
# Chosen: time for a refusal to reach a caller who is still sending; closing at once would reset the connection.
LINGER_S = 2.0
# Chosen: more pipelined requests than that are no client's habit.
_MAX_WAITING = 64


class HttpApplication(Protocol):
    """What answers requests."""

    def body_limit(self, target: bytes) -> int:
        """Bytes a request to this target may bring."""
        ...

    def answer(self, request: Request) -> Answer | Awaitable[Answer]:
        """Answer at once, or promise to."""
        ...

    def refuse(self, refusal: Refusal, target: bytes) -> Answer:
        """Word the answer to a request that could not be read."""
        ...

    def abandon(self, request: Request) -> None:
        """Note that a caller left before the answer was ready."""
        ...


class Connection(asyncio.Protocol):
    """State of one connection. The parser calls the `on_` methods."""

    def __init__(self, listener: "Listener", app: HttpApplication) -> None:
        """Wait for the transport."""
        self._listener = listener
        self._app = app
        self._parser = HttpRequestParser(self)
        self._transport: asyncio.Transport | None = None
        self._waiting: deque[Request | Refusal] = deque()
        self._task: asyncio.Task[None] | None = None
        self._current: Request | None = None
        self._head_bytes = 0
        self._limit = 0
        self._size = 0
        self._target = b""
        self._headers: dict[bytes, bytes] = {}
        self._chunks: list[bytes] = []
        self._in_head = True
        self._deaf = False
        self._clogged = False
        self.began: float | None = None
        self.last_active = perf_counter()

    @property
    def busy(self) -> bool:
        """Whether a request is being received or answered."""
        return self.began is not None or self._task is not None or bool(self._waiting)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Start, or turn the caller away when there are too many."""
        # uvloop's transport does what asyncio's does without deriving from it.
        self._transport = cast("asyncio.Transport", transport)
        if not self._listener.admit(self):
            self._refuse(Refusal(503, "too_many_connections", "too many connections; try again in a second"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the reason changes nothing
        """Forget the connection and whatever was being done for it."""
        self._listener.forget(self)
        self._deaf = True
        self._waiting.clear()
        if self._task is not None:
            self._task.cancel()
        if self._current is not None or self.began is not None:
            self._app.abandon(self._current or self._received())

    def pause_writing(self) -> None:
        """Read nothing more while the caller does not take its answers."""
        self._clogged = True
        self._gate_reading()

    def resume_writing(self) -> None:
        """Read on."""
        self._clogged = False
        self._gate_reading()

    def data_received(self, data: bytes) -> None:
        """Feed the parser; whatever it cannot read ends the connection."""
        if self._deaf:
            return
        if self._in_head:
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            # The request is answered in HTTP/1.1, as the standard allows; what follows it would be another protocol.
            self._deaf = True
        except HttpParserError as error:
            if not self._deaf:
                self._refuse(Refusal(400, "malformed_request", f"unreadable HTTP: {error}; send HTTP/1.1"))
        if self._in_head and self._head_bytes > MAX_HEAD_BYTES and not self._deaf:
            self._refuse(Refusal(431, "head_too_large", f"the head exceeds {MAX_HEAD_BYTES} bytes; send fewer headers"))

    def on_message_begin(self) -> None:
        """Start collecting a request."""
        self.began = perf_counter()
        self._target, self._headers, self._chunks, self._size = b"", {}, [], 0

    def on_url(self, url: bytes) -> None:
        """Collect the target, which may arrive in pieces."""
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header; one that is sent twice is joined, so that no copy can be overlooked."""
        name = name.lower()
        known = self._headers.get(name)
        self._headers[name] = value if known is None else b"%b, %b" % (known, value)

    def on_headers_complete(self) -> None:
        """Decide from the head whether the body is worth reading."""
        self._in_head, self._head_bytes = False, 0
        self._limit = self._app.body_limit(self._target)
        declared = self._headers.get(b"content-length")
        if declared is not None and (len(declared) > len(str(self._limit)) or int(declared) > self._limit):
            self._refuse_size()
        elif self._headers.get(b"expect", b"").lower() == b"100-continue" and self._transport is not None:
            self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, body: bytes) -> None:
        """Collect a piece of the body."""
        self._size += len(body)
        if self._size > self._limit:
            self._refuse_size()
        elif not self._deaf:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        """Hand the request over, or let it wait for the one before."""
        if self._deaf:
            return
        request = self._received()
        self.began, self._in_head = None, True
        if self._task is None and not self._waiting:
            self._start(request)
        elif len(self._waiting) >= _MAX_WAITING:
            self._refuse(Refusal(400, "too_many_requests_in_line", "wait for answers before sending more"))
        else:
            self._waiting.append(request)
            self._gate_reading()

    def sweep(self, now: float) -> None:
        """End what takes too long; called about once a second."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._deaf:
            if self._task is None and now - self.last_active > LINGER_S:
                self._transport.abort()
        elif self.began is not None and now - self.began > RECEIVE_LIMIT_S:
            text = f"the request did not arrive within {RECEIVE_LIMIT_S:g} s; send it faster"
            self._refuse(Refusal(408, "request_timeout", text))
        elif not self.busy and now - self.last_active > IDLE_LIMIT_S:
            self._transport.close()

    def close_if_idle(self) -> None:
        """Close between two requests."""
        if self._transport is not None and not self.busy:
            self._transport.close()

    def _received(self) -> Request:
        chunks = self._chunks
        return Request(
            self._parser.get_method().decode("latin-1"),
            self._target,
            self._headers,
            body=chunks[0] if len(chunks) == 1 else b"".join(chunks),
            began=self.began or perf_counter(),
            keep_alive=self._parser.should_keep_alive() and not self._parser.should_upgrade(),
        )

    def _start(self, request: Request) -> None:
        answer = self._app.answer(request)
        if isinstance(answer, Answer):
            self._send(answer, request)
        else:
            self._current = request
            self._task = self._listener.loop.create_task(self._finish(request, answer))

    async def _finish(self, request: Request, promised: Awaitable[Answer]) -> None:
        answer = await promised
        self._task = self._current = None
        self._send(answer, request)
        self._advance()

    def _advance(self) -> None:
        """Start what waited, until something has to be waited for again."""
        while self._waiting and self._task is None and not self._closing:
            item = self._waiting.popleft()
            if isinstance(item, Refusal):
                self._end_with(item)
            else:
                self._start(item)
        self._gate_reading()

    def _gate_reading(self) -> None:
        """Read only while answers leave and no request waits, so that one caller cannot fill the memory."""
        if self._transport is None or self._closing:
            return
        if self._clogged or self._waiting:
            self._transport.pause_reading()
        else:
            self._transport.resume_reading()

    @property
    def _closing(self) -> bool:
        return self._transport is None or self._transport.is_closing()

    def _send(self, answer: Answer, request: Request) -> None:
        self.last_active = perf_counter()
        if self._transport is None or self._closing:
            return
        close = answer.close or not request.keep_alive or self._listener.draining
        self._transport.write(render_answer(answer, close=close, body=request.method != "HEAD"))
        if close:
            self._deaf = True
            self._waiting.clear()
            self._transport.close()

    def _refuse_size(self) -> None:
        self._refuse(Refusal(413, "body_too_large", f"the body exceeds {self._limit} bytes; send less per request"))

    def _refuse(self, refusal: Refusal) -> None:
        """Say why and listen no more; earlier requests get their answers first."""
        self._deaf, self.began = True, None
        if self._task is None:
            self._end_with(refusal)
        else:
            self._waiting.append(refusal)

    def _end_with(self, refusal: Refusal) -> None:
        self.last_active = perf_counter()
        if self._transport is not None and not self._closing:
            self._transport.write(render_answer(self._app.refuse(refusal, self._target), close=True))
            if self._transport.can_write_eof():
                self._transport.write_eof()
