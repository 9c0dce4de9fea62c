"""The watch sees who blocks an attempt, costs nothing when nobody does, and never stops a migration."""

import time
from types import SimpleNamespace

import pytest
import structlog

from agents.migrate.watch import BlockerWatch
from agents.runtime.errors import DatabaseUnavailableError


class FakeServer:
    """Answers the question for blockers; counts connections and looks."""

    def __init__(self, *rows: tuple[object, ...]) -> None:
        self.rows = list(rows)
        self.opened = self.closed = self.looks = 0

    def open(self):
        self.opened += 1
        return SimpleNamespace(execute=self.execute, close=self.close)

    def execute(self, _query: bytes, parameters: dict[str, object]):
        assert parameters == {"pid": 42}
        self.looks += 1
        return SimpleNamespace(fetchall=lambda: self.rows)

    def close(self) -> None:
        self.closed += 1


BLOCKER = (7, "psql", "somebody", "idle in transaction", 3.5, ["public.thing"])


@pytest.fixture
def log():
    return structlog.get_logger("test")


def test_blocker_of_a_long_attempt_is_seen_once(log) -> None:
    server = FakeServer(BLOCKER)
    watch = BlockerWatch(42, server.open, log)

    with watch.during(40) as sightings:
        time.sleep(0.2)
    watch.close()

    assert sightings.rows() == [
        {
            "pid": 7,
            "application_name": "psql",
            "user": "somebody",
            "state": "idle in transaction",
            "open_s": 3.5,
            "relations": ["public.thing"],
        }
    ]
    assert server.looks > 1
    assert (server.opened, server.closed) == (1, 1)


def test_short_attempts_open_no_connection(log) -> None:
    server = FakeServer(BLOCKER)
    watch = BlockerWatch(42, server.open, log)

    for _ in range(5):
        with watch.during(500) as sightings:
            time.sleep(0.02)
            assert sightings.rows() == []
    watch.close()

    assert server.opened == 0


def test_nobody_is_looked_at_between_attempts(log) -> None:
    server = FakeServer(BLOCKER)
    watch = BlockerWatch(42, server.open, log)
    with watch.during(40):
        time.sleep(0.1)
    time.sleep(0.05)
    looks = server.looks
    time.sleep(0.15)
    watch.close()

    assert server.looks == looks


def test_attempts_do_not_see_each_others_blockers(log) -> None:
    server = FakeServer(BLOCKER)
    watch = BlockerWatch(42, server.open, log)
    with watch.during(40):
        time.sleep(0.1)
    server.rows = []
    with watch.during(40) as second:
        time.sleep(0.1)
    watch.close()

    assert second.rows() == []


def test_watch_without_a_connection_tells_nobody_and_stops_nothing(log) -> None:
    def refuse():
        message = "too many connections"
        raise DatabaseUnavailableError(message)

    watch = BlockerWatch(42, refuse, log)
    for _ in range(2):
        with watch.during(20) as sightings:
            time.sleep(0.05)
        assert sightings.rows() == []
    watch.close()


def test_oldest_transaction_is_named_first(log) -> None:
    server = FakeServer(BLOCKER, (8, None, None, None, 9.0, None), (9, "", "", "", None, None))
    watch = BlockerWatch(42, server.open, log)
    with watch.during(20) as sightings:
        time.sleep(0.1)
    watch.close()

    assert [row["pid"] for row in sightings.rows()] == [8, 7, 9]
    assert sightings.rows()[0]["state"] == "gone"
