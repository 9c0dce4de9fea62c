"""The listening socket of one worker: admits connections, watches the slow ones, closes in good order."""

import asyncio
import socket
from functools import partial
from time import perf_counter

from model_server.serve.http.connection import Connection, HttpApplication

# Chosen: a pod's file limit is 65,536 and its callers are a handful of gateways.
MAX_CONNECTIONS = 2048
_BACKLOG = 1024
_SWEEP_S = 1.0


class Listener:
    """Every open connection of one worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop, app: HttpApplication) -> None:
        """Prepare; nothing listens yet."""
        self.loop = loop
        self.draining = False
        self._app = app
        self._open: set[Connection] = set()
        self._server: asyncio.Server | None = None
        self._sweeper: asyncio.TimerHandle | None = None

    @property
    def busy(self) -> int:
        """Requests being received or answered."""
        return sum(connection.busy for connection in self._open)

    def admit(self, connection: Connection) -> bool:
        """Remember a connection; False when there are too many."""
        self._open.add(connection)
        return len(self._open) <= MAX_CONNECTIONS

    def forget(self, connection: Connection) -> None:
        """Drop a closed connection."""
        self._open.discard(connection)

    async def listen(self, listening: socket.socket) -> None:
        """Accept connections from now on."""
        make = partial(Connection, self, self._app)
        self._server = await self.loop.create_server(make, sock=listening, backlog=_BACKLOG)
        self._sweep()

    def stop_accepting(self) -> None:
        """Close the listening socket; open connections stay."""
        if self._server is not None:
            self._server.close()

    def close(self) -> None:
        """Close what is open, waiting for nobody."""
        self.stop_accepting()
        if self._sweeper is not None:
            self._sweeper.cancel()
        for connection in list(self._open):
            connection.close_if_idle()

    def _sweep(self) -> None:
        now = perf_counter()
        for connection in list(self._open):
            connection.sweep(now)
        self._sweeper = self.loop.call_later(_SWEEP_S, self._sweep)


def open_socket(host: str, port: int, *, shared: bool) -> socket.socket:
    """Bind a listening socket.

    Args:
        host: address or name.
        port: of TCP.
        shared: whether other workers bind the same port; the kernel then spreads connections over them.

    Raises:
        OSError: the address cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listening.bind((host, port))
        listening.setblocking(False)  # noqa: FBT003 - the standard library takes no keyword
    except OSError:
        listening.close()
        raise
    return listening
