"""One HTTP request with a total deadline, a size limit, and a connection of its own."""

import json
from dataclasses import dataclass
from typing import Any

import requests
import urllib3

from agents.runtime.clock import Clock, Deadline
from agents.runtime.names import HEADER_COLOUR, HEADER_VERSION

# Chosen: a warm prediction takes milliseconds; five seconds of silence is an outage for a user.
REQUEST_TIMEOUT_S = 5.0
_CONNECT_TIMEOUT_S = 2.0
_MAX_BODY_BYTES = 1 << 20
_CHUNK_BYTES = 1 << 16


class NoAnswerError(Exception):
    """Nobody answered in time, or the answer broke off."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    colour: str
    """The colour that the server says it is; empty when it says nothing."""
    body: bytes
    version: str = ""
    """The version that the server says it is; empty when it says nothing."""

    def parse_json(self) -> Any:  # noqa: ANN401 - the caller checks the shape
        """Read the body as JSON.

        Raises:
            ValueError: it is not JSON.
        """
        return json.loads(self.body)


@dataclass(frozen=True, slots=True)
class HttpProbe:
    """Asks as a stranger would: no proxy, no redirect, no kept connection, no retry."""

    clock: Clock
    timeout_s: float = REQUEST_TIMEOUT_S

    def ask(self, url: str, *, host: str | None = None, payload: object | None = None) -> Answer:
        """Send GET, or POST with a JSON payload.

        Args:
            url: where to.
            host: Host header, when the gateway routes by name.
            payload: body to post.

        Raises:
            NoAnswerError: no complete answer within the timeout.
        """
        # A new connection each time: a kept one would show the old colour long after the route changed.
        headers = {"Connection": "close", **({"Host": host} if host else {})}
        deadline = Deadline.after(self.timeout_s, self.clock)
        with requests.Session() as session:
            session.trust_env = False
            try:
                response = session.request(
                    "GET" if payload is None else "POST",
                    url,
                    json=payload,
                    headers=headers,
                    timeout=(min(_CONNECT_TIMEOUT_S, self.timeout_s), self.timeout_s),
                    allow_redirects=False,
                    stream=True,
                )
                colour = response.headers.get(HEADER_COLOUR, "")
                version = response.headers.get(HEADER_VERSION, "")
                return Answer(response.status_code, colour, self._read(response, deadline), version)
            except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                message = f"{url}: {_last_cause(error)}"
                raise NoAnswerError(message) from error

    def _read(self, response: requests.Response, deadline: Deadline) -> bytes:
        """Read the body; a server that sends one byte a second must not hold a release."""
        body = bytearray()
        while chunk := response.raw.read1(_CHUNK_BYTES, decode_content=True):
            body += chunk
            if len(body) > _MAX_BODY_BYTES:
                message = f"answer is longer than {_MAX_BODY_BYTES} bytes"
                raise requests.ConnectionError(message)
            if deadline.is_over:
                message = f"answer was not complete in {self.timeout_s} s"
                raise requests.ConnectionError(message)
        return bytes(body)


def _last_cause(error: BaseException) -> str:
    """Return the innermost sentence; the libraries wrap a refused connection four times."""
    while error.__context__ is not None:
        error = error.__context__
    return f"{type(error).__name__}: {error}"
