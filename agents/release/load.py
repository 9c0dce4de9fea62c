"""Sends the gate's own requests to both colours at an even pace, so that no traffic is never a reason to promote."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import requests
import urllib3

from agents.release.evidence import Counts
from agents.runtime.clock import Clock
from agents.runtime.names import Colour

_TIMEOUT_S = 5.0
_OK = 200
# Chosen: a kept connection stays on one pod; a new one every so often reaches the others too.
_REQUESTS_PER_CONNECTION = 50
# Chosen: three workers a colour keep their pace while answers take up to 75 ms at 40 requests a second.
_WORKERS = 3


@dataclass(frozen=True, slots=True)
class Seen:
    """What one colour answered in one span."""

    bad: int
    """Any answer but 200, and none in time."""
    seconds: tuple[float, ...]
    """How long each request took, the bad ones too."""

    def count_bad(self) -> Counts:
        """Count requests that were not answered well."""
        return Counts(len(self.seconds), self.bad)

    def count_slow(self, edge_s: float) -> Counts:
        """Count requests that took longer than an edge."""
        return Counts(len(self.seconds), sum(took_s > edge_s for took_s in self.seconds))


@dataclass
class _Tally:
    lock: threading.Lock = field(default_factory=threading.Lock)
    bad: int = 0
    seconds: list[float] = field(default_factory=list)

    def add(self, took_s: float, *, bad: bool) -> None:
        with self.lock:
            self.seconds.append(took_s)
            self.bad += bad

    def take(self) -> Seen:
        with self.lock:
            seen = Seen(self.bad, tuple(self.seconds))
            self.bad, self.seconds = 0, []
        return seen


@dataclass(frozen=True)
class SyntheticLoad:
    """A running load."""

    tallies: Mapping[Colour, _Tally]

    def take(self) -> dict[Colour, Seen]:
        """Return what each colour answered since this was last called."""
        return {colour: tally.take() for colour, tally in self.tallies.items()}


@contextmanager
def synthetic_load(
    urls: Mapping[Colour, str], *, payload: object, rate_per_s: float, clock: Clock
) -> Iterator[SyntheticLoad]:
    """Send the same request to both colours until the block ends.

    Args:
        urls: where each colour answers, path included.
        payload: JSON body.
        rate_per_s: requests a second to each colour; a slow colour gets fewer.
        clock: paces the requests.
    """
    load = SyntheticLoad({colour: _Tally() for colour in urls})
    stop = threading.Event()
    workers = [
        threading.Thread(
            target=_send,
            args=(url, load.tallies[colour], stop),
            kwargs={"payload": payload, "period_s": _WORKERS / rate_per_s, "clock": clock},
            daemon=True,
        )
        for colour, url in urls.items()
        for _ in range(_WORKERS)
    ]
    for worker in workers:
        worker.start()
    try:
        yield load
    finally:
        stop.set()
        for worker in workers:
            worker.join(_TIMEOUT_S + 1)


def _send(  # noqa: PLR0913 - what one worker needs, handed over a thread's start
    url: str, tally: _Tally, stop: threading.Event, *, payload: object, period_s: float, clock: Clock
) -> None:
    next_at_s = clock.monotonic()
    while not stop.is_set():
        with requests.Session() as session:
            session.trust_env = False
            for _ in range(_REQUESTS_PER_CONNECTION):
                if stop.wait(max(0.0, next_at_s - clock.monotonic())):
                    return
                # A colour that answers slowly must not be repaid with a burst.
                began_at_s = clock.monotonic()
                next_at_s = max(next_at_s + period_s, began_at_s)
                good = _answers(session, url, payload)
                tally.add(clock.monotonic() - began_at_s, bad=not good)


def _answers(session: requests.Session, url: str, payload: object) -> bool:
    try:
        response = session.post(url, json=payload, timeout=_TIMEOUT_S, allow_redirects=False)
    except (requests.RequestException, urllib3.exceptions.HTTPError, OSError):
        return False
    return response.status_code == _OK
