"""Request ids and W3C trace context: taken when harmless, given back, made up cheaply when absent."""

import re
import secrets
from itertools import count
from typing import NamedTuple

from model_server.serve.http.message import Request

_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,128}")
_TRACEPARENT = re.compile(rb"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")


class RequestIds(NamedTuple):
    """What identifies a request.

    Args:
        request_id: given or made up.
        head: header lines to answer with.
        given: whether the caller chose the id; only then does it decide between champion and challenger.
    """

    request_id: str
    head: bytes
    given: bool


class IdSource:
    """Makes ids: unique by a random start and a counter, because a random number each would cost more than the rest."""

    def __init__(self) -> None:
        """Draw the random part."""
        self._prefix = secrets.token_hex(12)
        self._numbers = count(1)

    def identify(self, request: Request) -> RequestIds:
        """Take the ids of a request, or make one up."""
        given = request.headers.get(b"x-request-id")
        if given is not None and _REQUEST_ID.fullmatch(given):
            request_id = given.decode("ascii")
        else:
            request_id, given = f"{self._prefix}{next(self._numbers):08x}", None
        head = b"x-request-id: %b\r\n" % request_id.encode("ascii")
        parent = request.headers.get(b"traceparent")
        if parent is not None and _TRACEPARENT.fullmatch(parent):
            head += b"traceparent: %b\r\n" % parent
        return RequestIds(request_id, head, given is not None)
