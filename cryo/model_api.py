"""Speaks to a running model server as an operator; its refusals keep its words."""

from typing import Any

import httpx

from cryo.errors import PermanentCryoError, TemporaryCryoError

_TIMEOUT_S = 60.0


def open_client(url: str, token: str) -> httpx.Client:
    """Open a client that speaks as an operator."""
    return httpx.Client(base_url=url, headers={"authorization": f"Bearer {token}"}, timeout=_TIMEOUT_S, trust_env=False)


def send(
    client: httpx.Client, method: str, path: str, *, content: bytes | None = None, body: object = None
) -> httpx.Response:
    """Send bytes, or an object as JSON.

    Raises:
        PermanentCryoError: the server refuses; its words are in the message.
        TemporaryCryoError: it does not answer, or not now.
    """
    given: dict[str, Any] = {} if body is None else {"json": body}
    if content is not None:
        given = {"content": content, "headers": {"content-type": "application/octet-stream"}}
    try:
        answer = client.request(method, path, **given)
    except httpx.TransportError as error:
        message = f"{client.base_url}{path}: {error}; is the platform up? see `cryo status`"
        raise TemporaryCryoError(message) from error
    if answer.is_error:
        message = f"{client.base_url}{path}: {answer.status_code} {answer.text[:300]}"
        raise (TemporaryCryoError if answer.is_server_error else PermanentCryoError)(message)
    return answer
