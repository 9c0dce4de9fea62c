"""Leave in good order: after SIGTERM go on answering, unready, until callers have moved on, then stop."""

import asyncio
import os
import signal
from collections.abc import Callable
from functools import partial

from prometheus_client import Gauge
from structlog.typing import FilteringBoundLogger


def stop_http_server() -> None:
    """Ask granian to close its listener and finish open connections; it treats SIGINT as it treats SIGTERM."""
    os.kill(os.getpid(), signal.SIGINT)


class Drain:
    """Takes SIGTERM over from the HTTP server, whose own reaction is to close at once.

    Answers take milliseconds, so none is waited for beyond the pause itself.
    """

    def __init__(
        self, agent: str, drain_s: float, *, stop: Callable[[], None], shown: Gauge, log: FilteringBoundLogger
    ) -> None:
        """Wire the farewell; nothing happens before SIGTERM.

        Args:
            agent: name in log events.
            drain_s: seconds to go on answering after SIGTERM.
            stop: what ends the HTTP server.
            shown: becomes 1 with SIGTERM.
            log: where it is told.
        """
        self._agent = agent
        self._drain_s = drain_s
        self._stop = stop
        self._shown = shown
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
            self._shown.set(1)
            started = f"{self._agent}.drain.started"
            self._log.info(started, drain_s=self._drain_s)
            self._farewell = loop.create_task(self._finish())

    async def _finish(self) -> None:
        await asyncio.sleep(self._drain_s)
        finished = f"{self._agent}.drain.finished"
        self._log.info(finished)
        self._stop()
