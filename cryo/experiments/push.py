"""Sends experiments to a model server in requests that it takes whole or refuses whole."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import httpx
import msgspec

from cryo.errors import PermanentCryoError, TemporaryCryoError
from model_server.experiments.row import ExperimentRow

# Cited: limits of POST /api/v1/experiments.
_ROWS = 500
_BYTES = 512 * 1024 - 1024
_SERVER_ERROR = 500


class Pushed(NamedTuple):
    """What the server said of the rows."""

    added: int
    changed: int
    unchanged: int


def split_rows(rows: Sequence[ExperimentRow]) -> list[bytes]:
    """Cut rows into bodies that fit."""
    bodies, part, size = [], list[bytes](), 0
    for row in rows:
        content = msgspec.json.encode(row)
        if part and (len(part) == _ROWS or size + len(content) > _BYTES):
            bodies.append(b'{"rows":[%b]}' % b",".join(part))
            part, size = [], 0
        part.append(content)
        size += len(content) + 1
    if part:
        bodies.append(b'{"rows":[%b]}' % b",".join(part))
    return bodies


def push_rows(
    client: httpx.Client, rows: Sequence[ExperimentRow], token: str, *, told: Callable[[str], None]
) -> Pushed:
    """Send rows; sending them again changes nothing, so an interrupted push is repeated as it was.

    Args:
        client: its base address is the server's.
        rows: to be sent.
        token: of a scientist.
        told: hears how far it is.

    Raises:
        PermanentCryoError: the server refused a request (permanent).
        TemporaryCryoError: it did not answer, or asked for patience (temporary).
    """
    total = Pushed(0, 0, 0)
    bodies = split_rows(rows)
    head = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    for number, body in enumerate(bodies, start=1):
        try:
            answer = client.post("/api/v1/experiments", content=body, headers=head)
        except httpx.HTTPError as error:
            raise TemporaryCryoError(f"{client.base_url}: {error}; send again when the server is up") from error
        if answer.status_code >= _SERVER_ERROR:
            raise TemporaryCryoError(
                f"{client.base_url} answered {answer.status_code}: {answer.text[:300]}; send again"
            )
        if not answer.is_success:
            raise PermanentCryoError(f"{client.base_url} answered {answer.status_code}: {answer.text[:500]}")
        said = msgspec.json.decode(answer.content, type=dict[str, int])
        total = Pushed(*(was + said[name] for was, name in zip(total, Pushed._fields, strict=True)))
        told(f"{number} of {len(bodies)} requests sent")
    return total
