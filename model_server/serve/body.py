"""Read a request body without trusting its length, its type or its speed."""

import asyncio

from model_server.errors import RequestRefusedError
from model_server.serve.rsgi import BodyStream, HeaderLookup
from model_server.serve.wire import MAX_BODY_BYTES

# Chosen: 512 kB in ten seconds is slower than any link this API is meant for.
BODY_LIMIT_S = 10.0
_MAX_DIGITS = len(str(MAX_BODY_BYTES))
_NOT_JSON = "the body must be JSON; send content-type: application/json"


def declared_size(headers: HeaderLookup) -> int | None:
    """Check the head before a byte of the body is read; return the declared length, None when chunked.

    Raises:
        RequestRefusedError: 415 for another media type, 413 for a declared length above the limit (permanent).
    """
    media_type = (headers.get("content-type") or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise RequestRefusedError(_NOT_JSON, code="unsupported_media_type", status=415)
    declared = headers.get("content-length")
    if declared is None:
        return None
    # The length of the number comes first: converting a very long one is work that a sender could order.
    if not declared.isdecimal() or len(declared) > _MAX_DIGITS or int(declared) > MAX_BODY_BYTES:
        raise _too_large()
    return int(declared)


async def read_body(stream: BodyStream, declared: int | None) -> bytes:
    """Read the whole body, giving up when it grows or takes too long.

    Args:
        stream: the request.
        declared: its checked length; the HTTP layer holds a sender to it, so one read is safe.

    Raises:
        RequestRefusedError: 413 above the size limit, 408 above the time limit (permanent).
    """
    try:
        async with asyncio.timeout(BODY_LIMIT_S):
            return await (stream() if declared is not None else _read_chunks(stream))
    except TimeoutError as error:
        raise RequestRefusedError(
            f"the body did not arrive within {BODY_LIMIT_S:g} s; send it faster", code="request_timeout", status=408
        ) from error


async def _read_chunks(stream: BodyStream) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in stream:
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise _too_large()
        chunks.append(chunk)
    return b"".join(chunks)


def _too_large() -> RequestRefusedError:
    return RequestRefusedError(
        f"the body exceeds {MAX_BODY_BYTES} bytes; send fewer molecules per request", code="body_too_large", status=413
    )
