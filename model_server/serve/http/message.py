"""Requests and answers as this server passes them around."""

from collections.abc import Iterable
from http import HTTPStatus
from typing import NamedTuple

JSON = b"application/json"
_STATUS_LINES = {status.value: f"HTTP/1.1 {status.value} {status.phrase}".encode() for status in HTTPStatus}


class Request:
    """One request with its whole body; a plain class with slots, because one is made per request."""

    __slots__ = ("began", "body", "headers", "keep_alive", "method", "target")

    def __init__(  # noqa: PLR0913 - the parts of a request
        self,
        method: str,
        target: bytes,
        headers: dict[bytes, bytes],
        *,
        body: bytes = b"",
        began: float = 0.0,
        keep_alive: bool = True,
    ) -> None:
        """Hold what was received.

        Args:
            method: upper case.
            target: path and query as sent.
            headers: by lower-case name; repeated ones joined by a comma.
            body: whole.
            began: perf_counter at the first byte.
            keep_alive: whether the caller wants to use the connection again.
        """
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
        self.began = began
        self.keep_alive = keep_alive

    def header(self, name: bytes) -> str | None:
        """Return one header as text."""
        value = self.headers.get(name)
        return None if value is None else value.decode("latin-1")


class Answer(NamedTuple):
    """Status, body and further header lines, each ended by CRLF. `close` ends the connection."""

    status: int
    body: bytes
    content_type: bytes = JSON
    head: bytes = b""
    close: bool = False


class Refusal(NamedTuple):
    """A request that could not be read; the application words the answer."""

    status: int
    code: str
    message: str


def render_headers(pairs: Iterable[tuple[str, str]]) -> bytes:
    """Render header lines.

    Raises:
        ValueError: a value would start another line.
    """
    lines = [f"{name}: {value}\r\n".encode("latin-1") for name, value in pairs]
    if any(line.count(b"\n") != 1 or line.count(b"\r") != 1 for line in lines):
        message = "a header value holds a line break"
        raise ValueError(message)
    return b"".join(lines)


def render_answer(answer: Answer, *, close: bool, body: bool = True) -> bytes:
    """Render an answer for the wire.

    Args:
        answer: what to send.
        close: whether to announce the end of the connection.
        body: False for HEAD, whose answer has a length and no body.
    """
    return b"%b\r\ncontent-type: %b\r\ncontent-length: %d\r\n%b%b\r\n%b" % (
        _STATUS_LINES[answer.status],
        answer.content_type,
        len(answer.body),
        b"connection: close\r\n" if close else b"",
        answer.head,
        answer.body if body else b"",
    )
