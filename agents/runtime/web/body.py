"""Reads a request's body without trusting its length or its speed."""

import asyncio
from http import HTTPStatus

from agents.runtime.web.rsgi import Exchange, HeaderLookup

# Chosen: slower than any link that these services are meant for.
_BODY_LIMIT_S = 10.0
# The body was not read to its end, so the connection cannot carry another request.
CLOSING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.REQUEST_ENTITY_TOO_LARGE})


class BodyRefusedError(Exception):
    """A body that is not read to its end."""

    def __init__(self, status: HTTPStatus, details: str) -> None:
        """Keep the status of the answer next to the words."""
        super().__init__(details)
        self.status = status


async def read_body(headers: HeaderLookup, exchange: Exchange, *, max_bytes: int) -> bytes:
    """Return the whole body.

    Raises:
        BodyRefusedError: it is longer than `max_bytes` (413) or did not arrive in time (408).
    """
    declared = headers.get("content-length") or ""
    if declared.isdecimal() and (len(declared) > len(str(max_bytes)) or int(declared) > max_bytes):
        raise _too_large(max_bytes)
    chunks, size = [], 0
    try:
        async with asyncio.timeout(_BODY_LIMIT_S):
            async for chunk in exchange:
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
    except TimeoutError as error:
        details = f"the body did not arrive within {_BODY_LIMIT_S:g} s; send it faster"
        raise BodyRefusedError(HTTPStatus.REQUEST_TIMEOUT, details) from error
    return b"".join(chunks)


def media_type_of(headers: HeaderLookup) -> str:
    """Return the body's media type in lower case, without its parameters."""
    return (headers.get("content-type") or "").partition(";")[0].strip().lower()


def _too_large(max_bytes: int) -> BodyRefusedError:
    details = f"the body exceeds {max_bytes} bytes; send only what is needed"
    return BodyRefusedError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, details)
