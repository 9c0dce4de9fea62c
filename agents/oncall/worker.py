"""A thread that looks for work until told to stop, and survives whatever a round of it ends with."""

import threading
from collections.abc import Callable

from agents.oncall.around import Around
from agents.runtime.errors import AgentError


class Worker:
    """Calls one function again and again: at once while there is work, else after a pause or when it is woken."""

    def __init__(self, name: str, step: Callable[[], bool], *, poll_s: float, around: Around) -> None:
        """Prepare; the thread starts with `start`.

        Args:
            name: label of metrics and field of log events.
            step: does one piece of work; whether there was any.
            poll_s: pause between two looks.
            around: where failures are told, once until it works again, and counted.
        """
        self.name = name
        self._step = step
        self._poll_s = poll_s
        self._log = around.log
        self._metrics = around.metrics
        self._wake = threading.Event()
        self._stopped = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name=f"oncall-{name}", daemon=True)

    @property
    def is_alive(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Look for work now."""
        self._wake.set()

    def stop(self, timeout_s: float) -> None:
        """End after the piece of work at hand, and wait for that."""
        self._stopped = True
        self._wake.set()
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while not self._stopped:
            self._wake.clear()
            self._metrics.show_loop(self.name)
            if not self._round():
                self._wake.wait(self._poll_s)

    def _round(self) -> bool:
        try:
            busy = self._step()
        except AgentError as error:
            self._metrics.count_failure(self.name)
            if not self._failing:
                self._log.warning("oncall.worker.failed", worker=self.name, reason=str(error))
            self._failing = True
            return False
        except Exception:  # noqa: BLE001 - the boundary of the thread: without it one defect would silence a channel for good
            self._metrics.count_failure(self.name)
            self._log.exception("oncall.worker.crashed", worker=self.name)
            return False
        if self._failing:
            self._log.info("oncall.worker.recovered", worker=self.name)
        self._failing = False
        return busy
