"""The description of one endpoint, from which dispatch, checks and the OpenAPI document are made."""

import inspect
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, NamedTuple

from model_server.serve.auth import Principal, Role
from model_server.serve.http.message import Answer, Request

# Chosen: 256 SMILES strings of 512 characters, each escaped and quoted, with room for the frame.
MAX_BODY_BYTES = 512 * 1024


class Style(StrEnum):
    """How an endpoint words its errors."""

    API = "api"
    PROTOCOL = "protocol"
    PAGE = "page"


class Call(NamedTuple):
    """One matched, authorised and decoded request.

    Args:
        request: as received.
        parameters: of the path.
        query: of the target; undeclared names were refused.
        principal: who asks; None for an anonymous caller of an open endpoint.
        body: decoded to the endpoint's type; None without one.
        request_id: given or made up.
    """

    request: Request
    parameters: Mapping[str, str]
    query: Mapping[str, str]
    principal: Principal | None
    body: Any
    request_id: str


Handler = Callable[[Call], Answer | Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter."""

    name: str
    description: str
    required: bool = False
    schema: Mapping[str, object] = field(default_factory=lambda: {"type": "string", "maxLength": 256})


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One method on one path template.

    Args:
        method: upper case.
        template: path with parameters in braces; also the label in metrics.
        handle: makes the answer.
        summary: one line for the reference.
        tag: group in the reference.
        role: least role allowed; None for anybody.
        body: msgspec type of the JSON body; None when there is none or the handler reads it.
        answer: msgspec type of the success body; None when it has no fixed shape.
        query: parameters of the target.
        statuses: that the endpoint may answer beside 200 and what the frame itself answers.
        style: of its errors.
        max_body: bytes.
        success: status of success.
        exempt: whether it needs no token even where reading does; for probes.
        body_optional: whether the body may be left out, which handlers see as None.
        raw: whether the body is a file's bytes, which the handler reads.
    """

    method: str
    template: str
    handle: Handler
    summary: str
    tag: str
    role: Role | None = None
    body: Any = None
    answer: Any = None
    query: tuple[Parameter, ...] = ()
    statuses: tuple[int, ...] = ()
    style: Style = Style.API
    max_body: int = MAX_BODY_BYTES
    success: int = 200
    exempt: bool = False
    body_optional: bool = False
    raw: bool = False

    @property
    def is_async(self) -> bool:
        """Whether the handler has to be awaited."""
        return inspect.iscoroutinefunction(self.handle)
