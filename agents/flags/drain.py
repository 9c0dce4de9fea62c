"""Leave in good order: after SIGTERM go on answering, unready, until callers have moved on, then stop."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial

from structlog.typing import FilteringBoundLogger

from agents.flags.metrics import FlagMetrics


def stop_http_server() -> None:
    """Ask granian to close its listener and finish open connections; it treats SIGINT as it treats SIGTERM."""
    os.kill(os.getpid(), signal.SIGINT)


class Drain:
    """Takes SIGTERM over from the HTTP server, whose own reaction is to close at once.

    Answers come from memory within a millisecond, so none is waited for beyond the pause itself.
    """

    def __init__(
        self, drain_s: float, *, stop: Callable[[], None], metrics: FlagMetrics, log: FilteringBoundLogger
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
        self._metrics = metrics
        self._log = log
        self._farewell: asyncio.Task[None] | None = None

    @property
    def draining(self) -> bool:
        """Whether SIGTERM has arrived."""
        return self._farewell is not None

    def install(self, loop: asyncio.AbstractEventLoop) -> None:
        """Listen for SIGTERM."""
        loop.add_signal_handler(signal.SIGTERM, partial(self.begin, loop))

    def begin(self, loop: asyncio.AbstractEventLoop) -> None:
        """Start the farewell; a second SIGTERM changes nothing."""
        if self._farewell is None:
            self._metrics.draining.set(1)
            self._log.info("flags.drain.started", drain_s=self._drain_s)
            self._farewell = loop.create_task(self._finish())

    async def _finish(self) -> None:
        await asyncio.sleep(self._drain_s)
        self._log.info("flags.drain.finished")
        self._stop()
