"""Sees who a statement waits for while it waits: afterwards, nobody can tell any more.

A second connection asks `pg_blocking_pids` a few times within the lock budget. It is opened at the first wait that is
long enough to be asked about, so a run that is never blocked has one connection only.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from structlog.typing import FilteringBoundLogger

from agents.migrate.history import load_sql
from agents.runtime.errors import AgentError
from agents.runtime.postgres import Connection

# Chosen: four looks at the longest budget of 500 ms, two at 200 ms; a look takes under a millisecond.
_LOOK_EVERY_S = 0.1
_LOOKS_PER_BUDGET = 4


@dataclass(frozen=True, slots=True)
class Blocker:
    """One session that we waited for; no query text, because it may hold user data."""

    pid: int
    application_name: str
    user: str
    state: str
    open_s: float | None
    """Age of its transaction."""
    relations: tuple[str, ...]
    """What we wanted to lock meanwhile: tables, or `transactionid` and the like."""

    def row(self) -> dict[str, object]:
        """Return it for a log line."""
        return {
            "pid": self.pid,
            "application_name": self.application_name,
            "user": self.user,
            "state": self.state,
            "open_s": self.open_s,
            "relations": list(self.relations),
        }


@dataclass(slots=True)
class Sightings:
    """Who blocked one attempt."""

    blockers: dict[int, Blocker] = field(default_factory=dict)

    def rows(self) -> list[dict[str, object]]:
        """Return every blocker once, the oldest transaction first."""
        found = sorted(self.blockers.values(), key=lambda blocker: -(blocker.open_s or 0.0))
        return [blocker.row() for blocker in found]


class BlockerWatch:
    """A thread that looks at one backend while it is told to."""

    def __init__(self, backend_pid: int, open_connection: Callable[[], Connection], log: FilteringBoundLogger) -> None:
        """Prepare; neither the thread nor its connection exists before the first attempt.

        Args:
            backend_pid: the server process that may be blocked.
            open_connection: opens the second connection, in autocommit mode.
            log: told when the second connection is not to be had.
        """
        self._backend_pid = backend_pid
        self._open_connection = open_connection
        self._log = log
        self._changed = threading.Condition()
        self._current: Sightings | None = None
        self._look_every_s = _LOOK_EVERY_S
        self._closed = False
        self._thread: threading.Thread | None = None

    @contextmanager
    def during(self, lock_budget_ms: int) -> Iterator[Sightings]:
        """Watch while the body runs; what was seen is complete when it ends."""
        sightings = Sightings()
        with self._changed:
            self._current = sightings
            self._look_every_s = min(_LOOK_EVERY_S, lock_budget_ms / 1000 / _LOOKS_PER_BUDGET)
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._watch, name="blocker-watch", daemon=True)
                self._thread.start()
            self._changed.notify_all()
        try:
            yield sightings
        finally:
            with self._changed:
                self._current = None
                self._changed.notify_all()

    def close(self) -> None:
        """End the thread and its connection."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        if self._thread is not None:
            self._thread.join(timeout=5.0)

    def _watch(self) -> None:
        conn: Connection | None = None
        try:
            while (sightings := self._wait_for_look()) is not None:
                if conn is None:
                    conn = self._open_connection()
                self._look(conn, sightings)
        except (AgentError, psycopg.Error) as error:
            # The migration goes on without: who blocks it is only told, nothing depends on it.
            self._log.warning("migrate.watch.ended", reason=" ".join(str(error).split()))
            with self._changed:
                self._closed = True
        finally:
            if conn is not None:
                conn.close()

    def _wait_for_look(self) -> Sightings | None:
        """Return the attempt to look at, once it has lasted long enough; None when the watch ends."""
        with self._changed:
            while not self._closed:
                watched = self._current
                if watched is None:
                    self._changed.wait()
                    continue
                self._changed.wait(self._look_every_s)
                if watched is self._current:
                    return watched
            return None

    def _look(self, conn: Connection, sightings: Sightings) -> None:
        for row in conn.execute(load_sql("blockers"), {"pid": self._backend_pid}).fetchall():
            pid, name, user, state, open_s, relations = row
            seen = Blocker(
                pid=int(str(pid)),
                application_name=str(name or ""),
                user=str(user or ""),
                state=str(state or "gone"),
                open_s=float(str(open_s)) if open_s is not None else None,
                relations=tuple(str(each) for each in relations) if isinstance(relations, list) else (),
            )
            with self._changed:
                sightings.blockers[seen.pid] = seen
