"""Writers in processes of their own, paced, so that latency shows stalls and not their own queue."""

import multiprocessing
import random
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.synchronize import Event
from typing import Any

import psycopg

# Half new rows, half changes to old ones: both take the locks that a migration must not hold up.
_INSERT_SHARE = 0.5


@dataclass(frozen=True)
class Sample:
    """One single-row transaction."""

    began_s: float
    took_s: float
    inserted: bool


@dataclass
class Load:
    """What the writers did; complete after the `with` block."""

    samples: list[Sample] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def took_ms(self, began_s: float, ended_s: float) -> list[float]:
        """Latencies of the transactions that began in an interval of the monotonic clock."""
        return sorted(each.took_s * 1000 for each in self.samples if began_s <= each.began_s < ended_s)


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile of sorted values; nan for none."""
    return values[min(len(values) - 1, int(len(values) * share))] if values else float("nan")


@dataclass(frozen=True)
class Pace:
    """What each writer does."""

    conninfo: str
    per_second: float
    """Transactions that a writer begins per second."""
    rows: int
    """Highest id to update."""
    parents: tuple[str, ...]
    """Keys that new rows point at."""


@contextmanager
def write_load(pace: Pace, *, writers: int) -> Iterator[Load]:
    """Insert and update single rows of public.child, each writer in its own process, until the block ends."""
    context = multiprocessing.get_context("spawn")
    stop, load = context.Event(), Load()
    pipes, processes = [], []
    for number in range(writers):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_write, args=(pace, number, stop, theirs), daemon=True)
        process.start()
        pipes.append(mine)
        processes.append(process)
    try:
        yield load
    finally:
        stop.set()
        for pipe, process in zip(pipes, processes, strict=True):
            samples, failures = pipe.recv()
            load.samples += samples
            load.failures += failures
            process.join(30)


def _write(pace: Pace, number: int, stop: Event, pipe: Any) -> None:  # noqa: ANN401 - the type is private
    draw = random.Random(number)  # noqa: S311 - load, no secret
    samples, failures = [], []
    with psycopg.connect(pace.conninfo, autocommit=True, application_name=f"writer-{number}") as conn:
        due_s = time.monotonic()
        while not stop.is_set():
            due_s += draw.expovariate(pace.per_second)
            time.sleep(max(0.0, due_s - time.monotonic()))
            inserts = draw.random() < _INSERT_SHARE
            began_s = time.monotonic()
            try:
                if inserts:
                    statement = "insert into public.child (parent_id, owner_id, note) values (%s, %s, 'written')"
                    conn.execute(statement, (draw.choice(pace.parents), draw.choice(pace.parents)))
                else:
                    statement = "update public.child set touched = touched + 1 where id = %s"
                    conn.execute(statement, (draw.randint(1, pace.rows),))
            except psycopg.Error as error:
                failures.append(f"{type(error).__name__}: {error}")
                continue
            samples.append(Sample(began_s, time.monotonic() - began_s, inserts))
            # A stall must show in its own transaction only, not in a burst that follows it.
            due_s = max(due_s, time.monotonic() - 1 / pace.per_second)
    pipe.send((samples, failures))
