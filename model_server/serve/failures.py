"""Which status and words an error gets; every error answer of the server is made here."""

from html import escape
from http import HTTPStatus
from typing import NamedTuple

from model_server.errors import (
    ArtefactInvalidError,
    ModelDisabledError,
    ModelNotReadyError,
    QueueFullError,
    RegistryBusyError,
    RegistryRefusedError,
    RegistryUnreachableError,
    RequestRefusedError,
    TemporaryError,
)
from model_server.serve.endpoint import Style
from model_server.serve.http.message import JSON, Answer, render_headers
from model_server.serve.oip.wire import ProtocolError
from model_server.serve.wire import ErrorDetail, ErrorResponse, encode

HTML = b"text/html; charset=utf-8"
_TEMPORARY = {
    ModelDisabledError: "model_disabled",
    ModelNotReadyError: "model_not_ready",
    QueueFullError: "queue_full",
    RegistryBusyError: "registry_busy",
    RegistryUnreachableError: "registry_unreachable",
}


class Failure(NamedTuple):
    """An error as it will be told.

    Args:
        status: of HTTP.
        code: stable word a client can branch on.
        message: what, where, what to do.
        path: place in the request.
        retry_after_s: when another attempt is worth it.
        unforeseen: whether nobody expected it; its text stays in the log.
    """

    status: int
    code: str
    message: str
    path: str | None = None
    retry_after_s: float | None = None
    unforeseen: bool = False


def describe_failure(error: Exception) -> Failure:
    """Choose status and words."""
    if isinstance(error, RequestRefusedError):
        return Failure(error.status, error.code, str(error), error.path)
    if isinstance(error, TemporaryError):
        code = _TEMPORARY.get(type(error), "temporarily_unavailable")
        return Failure(503, code, str(error), retry_after_s=error.retry_after_s)
    if isinstance(error, RegistryRefusedError):
        return Failure(409, "registry_refused", str(error))
    if isinstance(error, ArtefactInvalidError):
        return Failure(409, "artefact_invalid", str(error))
    return Failure(500, "internal_error", "the server failed", unforeseen=True)


def render_failure(failure: Failure, style: Style) -> Answer:
    """Word a failure in the style of the path."""
    pairs = []
    if failure.retry_after_s is not None:
        pairs.append(("retry-after", f"{max(failure.retry_after_s, 1.0):.0f}"))
    if failure.status == 401:  # noqa: PLR2004 - the one status with a challenge
        pairs.append(("www-authenticate", "Bearer"))
    if style is Style.PAGE:
        return Answer(failure.status, _page(failure), HTML, render_headers(pairs))
    if style is Style.PROTOCOL:
        text = f"{failure.path}: {failure.message}" if failure.path else failure.message
        body = encode(ProtocolError(text))
    else:
        body = encode(ErrorResponse(ErrorDetail(failure.code, failure.message, failure.path)))
    return Answer(failure.status, body, JSON, render_headers(pairs))


def _page(failure: Failure) -> bytes:
    """What a browser shows when no page could be made: the words alone, since styling is what may have failed."""
    title = f"{failure.status} {HTTPStatus(failure.status).phrase}"
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f'<h1>{title}</h1><p>{escape(failure.message)}</p><p><a href="/">Start page</a></p></html>\n'
    ).encode()
