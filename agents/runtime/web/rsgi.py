"""The parts of granian's RSGI interface that the agents use, typed; see its specification, version 1.6."""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from granian.rsgi import ProtocolClosed, ProtocolError  # type: ignore[attr-defined] # public, but not re-exported

DISCONNECTS = (ProtocolClosed, ProtocolError)


class HeaderLookup(Protocol):
    """Request headers by lower-case name."""

    def get(self, key: str, default: str | None = None) -> str | None:
        """Return one header."""
        ...


class RequestScope(Protocol):
    """The head of a request."""

    @property
    def method(self) -> str:
        """Upper-case method."""
        ...

    @property
    def path(self) -> str:
        """Path without the query."""
        ...

    @property
    def headers(self) -> HeaderLookup:
        """Return the headers."""
        ...


class Exchange(Protocol):
    """A request's body and the one answer to it."""

    def __call__(self) -> Awaitable[bytes]:
        """Read the whole body."""
        ...

    def __aiter__(self) -> AsyncIterator[bytes]:
        """Iterate over the body's chunks as they arrive."""
        ...

    def response_bytes(self, status: int, headers: list[tuple[str, str]], body: bytes) -> None:
        """Send the whole answer."""
        ...

    def response_empty(self, status: int, headers: list[tuple[str, str]]) -> None:
        """Send an answer without a body."""
        ...
