"""Keeps a copy of all flags that is never older than agreed; when the database is away, the last copy serves on."""

import threading
from collections.abc import Callable
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from agents.flags.errors import FlagsStaleError
from agents.flags.metrics import FlagMetrics
from agents.flags.model import Snapshot
from agents.flags.settings import CacheSettings
from agents.runtime.clock import Clock, Deadline
from agents.runtime.errors import AgentError

_STOP_S = 10.0

Load = Callable[[Deadline], Snapshot]


@dataclass(frozen=True, slots=True)
class _Copy:
    snapshot: Snapshot
    asked_at_s: float
    """When the read began, because what it saw may be as old as that."""


class FlagCache:
    """The flags in memory, read anew by a thread of its own."""

    def __init__(
        self,
        load: Load,
        settings: CacheSettings,
        *,
        clock: Clock,
        log: FilteringBoundLogger,
        metrics: FlagMetrics,
    ) -> None:
        """Prepare; nothing is read before `start` or `refresh`.

        Args:
            load: reads all flags, giving up at the deadline.
            settings: how often, and how old a copy may get.
            clock: measures ages.
            log: told when reading begins to fail, and when it works again.
            metrics: counts reads and shows the age.
        """
        self._load = load
        self._settings = settings
        self._clock = clock
        self._log = log
        self._metrics = metrics
        self._copy: _Copy | None = None
        self._failing = False
        self._stop = threading.Event()
        self._first = threading.Event()
        self._thread: threading.Thread | None = None
        metrics.watch_age(lambda: self.age_s)

    @property
    def age_s(self) -> float:
        """Seconds since the served copy was read; NaN before the first."""
        copy = self._copy
        return float("nan") if copy is None else self._clock.monotonic() - copy.asked_at_s

    @property
    def has_loaded(self) -> bool:
        """Whether the flags were ever read."""
        return self._copy is not None

    def names(self) -> tuple[str, ...]:
        """Return the names of the last copy, however old, so that a bulk answer can say of each that it is off."""
        return () if self._copy is None else tuple(self._copy.snapshot.flags)

    def snapshot(self) -> Snapshot:
        """Return the flags.

        Raises:
            FlagsStaleError: they were never read, or the last copy is too old to be trusted.
        """
        copy = self._copy
        if copy is None:
            message = "the flags were not read yet; check that the database is reachable"
            raise FlagsStaleError(message)
        age_s = self._clock.monotonic() - copy.asked_at_s
        if age_s > self._settings.max_stale_s:
            message = (
                f"the last copy of the flags is {age_s:.0f} s old, {self._settings.max_stale_s:g} s are allowed; "
                "check that the database is reachable"
            )
            raise FlagsStaleError(message)
        return copy.snapshot

    def refresh(self) -> bool:
        """Read the flags once; return whether that worked. A failure keeps the copy and is told once."""
        asked_at_s = self._clock.monotonic()
        try:
            snapshot = self._load(Deadline.after(max(self._settings.refresh_s, 1.0), self._clock))
        except AgentError as error:
            self._note_failure(str(error))
            return False
        changed = self._copy is None or self._copy.snapshot != snapshot
        self._copy = _Copy(snapshot, asked_at_s)
        self._first.set()
        self._metrics.count_refresh("changed" if changed else "unchanged")
        if changed or self._failing:
            self._log.info("flags.refresh.succeeded", flags=len(snapshot.flags), changed=changed)
        self._failing = False
        return True

    def start(self, *, wait_s: float) -> None:
        """Begin reading in a thread; wait for the first copy, but no longer than that. Starting twice is the same."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="flags-refresh", daemon=True)
            self._thread.start()
        self._first.wait(wait_s)

    def stop(self) -> None:
        """End the thread; the copy stays and ages."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            self._thread = None

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self.refresh()
            except Exception:  # noqa: BLE001 - the boundary of the thread: a defect must not end the reading for ever
                self._metrics.count_refresh("failed")
                self._log.exception("flags.refresh.crashed")
            self._stop.wait(self._settings.refresh_s)

    def _note_failure(self, reason: str) -> None:
        self._metrics.count_refresh("failed")
        if not self._failing:
            self._log.warning(
                "flags.refresh.failed", reason=reason, age_s=round(self.age_s, 1) if self.has_loaded else None
            )
        self._failing = True
