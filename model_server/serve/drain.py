"""Leave in good order: after SIGTERM go on answering, unready, until callers have moved on, then stop."""

import asyncio
import signal
from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from model_server.serve.metrics import ServeMetrics

# Chosen: longest request (a cold batch of 256 molecules, or a body that trickles in) with room to spare.
REQUEST_LIMIT_S = 30.0
_POLL_S = 0.02


class Drain:
    """Runs the farewell."""

    def __init__(self, drain_s: float, *, metrics: ServeMetrics, log: FilteringBoundLogger) -> None:
        """Wire the farewell; nothing happens before SIGTERM.

        Args:
            drain_s: seconds to go on answering after SIGTERM.
            metrics: where the state is shown.
            log: where it is told.
        """
        self._drain_s = drain_s
        self._busy: Callable[[], int] = lambda: 0
        self._announce: Callable[[], None] = lambda: None
        self._stop: Callable[[], None] = lambda: None
        self._log = log
        self._gauge = metrics.draining
        self._farewell: asyncio.Task[None] | None = None

    @property
    def draining(self) -> bool:
        """Whether SIGTERM has arrived."""
        return self._farewell is not None

    def attend(self, *, busy: Callable[[], int], announce: Callable[[], None], stop: Callable[[], None]) -> None:
        """Connect the farewell to what it ends.

        Args:
            busy: counts requests in flight.
            announce: called first; callers are asked to reconnect from then on.
            stop: called last.
        """
        self._busy, self._announce, self._stop = busy, announce, stop

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """React to SIGTERM."""
        loop.add_signal_handler(signal.SIGTERM, partial(self.begin, loop))

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the farewell; a second SIGTERM changes nothing."""
        if self._farewell is None:
            self._gauge.set(1)
            self._announce()
            self._log.info("model_server.drain.started", in_flight=self._busy(), drain_s=self._drain_s)
            self._farewell = loop.create_task(self._finish())

    async def _finish(self) -> None:
        await asyncio.sleep(self._drain_s)
        waited_s = 0.0
        while self._busy() and waited_s < REQUEST_LIMIT_S:
            await asyncio.sleep(_POLL_S)
            waited_s += _POLL_S
        self._log.info("model_server.drain.finished", in_flight=self._busy())
        self._stop()
