"""Sends predictions at a fixed rate to 127.0.0.1 and records what each one got.

The rate does not slow down when answers do (open loop), so a stall shows as a gap and not as fewer requests. Half of
the requests reuse connections, the other half open one each.
"""

import asyncio
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from itertools import pairwise

import aiohttp

BODY = {"target": "tg", "inputs": [{"smiles": "OCC(O)CO"}]}
# Chosen: twenty times the slowest answer seen under this load; a request that needs longer has failed its user.
TIMEOUT_S = 5.0
# More than a stall of three seconds at 300/s leaves waiting; beyond it the load falls short and the rate says so.
IN_FLIGHT_LIMIT = 1000
PACE_S = 0.002


@dataclass(slots=True)
class Record:
    """What happened to the requests of one run.

    Attributes:
        successes: end time in seconds (monotonic), duration in seconds, and colour of each good answer.
        failures: end time and reason of each other one.
    """

    successes: list[tuple[float, float, str]] = field(default_factory=list)
    failures: list[tuple[float, str]] = field(default_factory=list)

    @property
    def longest_gap_s(self) -> float:
        """Longest time between two good answers."""
        ends = sorted(end for end, _, _ in self.successes)
        return max((later - earlier for earlier, later in pairwise(ends)), default=float("inf"))

    def quantile_s(self, share: float) -> float:
        """Duration that the given share of good answers stayed below."""
        durations = sorted(duration for _, duration, _ in self.successes)
        return durations[min(len(durations) - 1, int(share * len(durations)))]


async def send(record: Record, session: aiohttp.ClientSession, url: str) -> None:
    """Send one request and note what it got."""
    began_at = time.monotonic()
    try:
        async with session.post(url, json=BODY) as response:
            answer = await response.json()
            ended_at = time.monotonic()
            if response.status == HTTPStatus.OK and answer["predictions"][0]["prediction"] > 0:
                record.successes.append((ended_at, ended_at - began_at, response.headers["x-cryo-colour"]))
            else:
                record.failures.append((ended_at, f"status {response.status}"))
    except (aiohttp.ClientError, TimeoutError) as error:
        record.failures.append((time.monotonic(), type(error).__name__))


async def send_until(done: asyncio.Event, url: str, *, rate_per_s: float, limit_s: float) -> Record:
    """Send at a fixed rate until told to stop, and at the longest for `limit_s` seconds.

    Args:
        done: set when the load should end.
        url: where to post; on loopback.
        rate_per_s: requests started per second.
        limit_s: bound on the whole run.
    """
    record = Record()
    timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
    async with (
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as reusing,
        aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0, force_close=True), timeout=timeout) as opening,
    ):
        sessions = (reusing, opening)
        running: set[asyncio.Task[None]] = set()
        began_at = time.monotonic()
        number = 0
        while not done.is_set() and time.monotonic() - began_at < limit_s:
            due = int((time.monotonic() - began_at) * rate_per_s)
            while number < due and len(running) < IN_FLIGHT_LIMIT:
                task = asyncio.create_task(send(record, sessions[number % 2], url))
                running.add(task)
                task.add_done_callback(running.discard)
                number += 1
            await asyncio.sleep(PACE_S)
        await asyncio.gather(*running)
    return record
