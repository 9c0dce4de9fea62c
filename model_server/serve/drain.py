"""Leave in good order: after SIGTERM go on answering, unready, until callers have moved on, then stop."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

from structlog.typing import FilteringBoundLogger

from model_server.serve.metrics import ServeMetrics

# Chosen: longest request (a cold batch of 256 molecules, or a body that trickles in) with room to spare.
REQUEST_LIMIT_S = 30.0
_POLL_S = 0.02


def stop_http_server() -> None:
    """Ask granian to close its listener and finish open connections; it treats SIGINT as it treats SIGTERM."""
    os.kill(os.getpid(), signal.SIGINT)


class Drain:
    """Counts requests in flight and runs the farewell."""

    def __init__(
        self, drain_s: float, *, stop: Callable[[], None], metrics: ServeMetrics, log: FilteringBoundLogger
    ) -> None:
        """Wire the farewell; nothing happens before SIGTERM.

        Args:
            drain_s: seconds to go on answering after SIGTERM.
            stop: what ends the HTTP server.
            metrics: where the state is shown.
            log: where it is told.
        """
        self._drain_s = drain_s
        self._stop = stop
        self._log = log
        self._gauge = metrics.draining
        self._farewell: asyncio.Task[None] | None = None
        self.in_flight = 0
        metrics.in_flight.set_function(lambda: self.in_flight)

    @property
    def draining(self) -> bool:
        """Whether SIGTERM has arrived."""
        return self._farewell is not None

    @contextmanager
    def request(self) -> Iterator[None]:
        """Count a request while it is being answered."""
        self.in_flight += 1
        try:
            yield
        finally:
            self.in_flight -= 1

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take SIGTERM over from the HTTP server, whose own reaction is to close at once."""
        loop.add_signal_handler(signal.SIGTERM, partial(self.begin, loop))

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the farewell; a second SIGTERM changes nothing."""
        if self._farewell is None:
            self._gauge.set(1)
            self._log.info("model_server.drain.started", in_flight=self.in_flight, drain_s=self._drain_s)
            self._farewell = loop.create_task(self._finish())

    async def _finish(self) -> None:
        await asyncio.sleep(self._drain_s)
        waited_s = 0.0
        while self.in_flight and waited_s < REQUEST_LIMIT_S:
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S
        self._log.info("model_server.drain.finished", in_flight=self.in_flight)
        self._stop()
