"""One runner at a time, and short waits for locks: what every change to a live schema goes through."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TypeVar

from psycopg import errors as pg
from structlog.typing import FilteringBoundLogger

from agents.migrate.errors import LockTimedOutError, PoolerRefusedError, RunnerBusyError
from agents.migrate.history import ask_bool, create_history, load_sql
from agents.migrate.watch import BlockerWatch, Sightings
from agents.runtime.clock import Clock, Deadline
from agents.runtime.postgres import Connection
from agents.runtime.retry import Backoff

# Chosen: any constant works as long as nobody else uses it; this one spells "cryo-mig" in ASCII.
RUNNER_LOCK_KEY = 0x6372796F2D6D6967
_LOCK_POLL_S = 0.25

# Cited: issue 4, up to 30 tries. Ceilings chosen: with 500 ms of waiting each, all tries take about 90 s.
LOCK_BACKOFF = Backoff(tries=30, first_s=0.1, cap_s=5.0)
# Losing a lock race, or a deadlock, says nothing about the migration itself.
LOCK_LOST = (pg.LockNotAvailable, pg.DeadlockDetected, pg.SerializationFailure)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Runner:
    """Everything a run needs from outside."""

    conn: Connection
    clock: Clock
    log: FilteringBoundLogger
    draw: Callable[[], float]
    """Uniform random numbers in [0, 1) for jitter."""
    git_sha: str = ""
    backoff: Backoff = LOCK_BACKOFF
    watch: BlockerWatch | None = None
    """Who sees whom we wait for; None tells nobody."""
    unbacked_because: str = ""
    """Why rows may be deleted without a verified backup; empty means that they may not."""


@dataclass(slots=True)
class Attempts:
    """What the tries of one piece of work have cost so far."""

    count: int = 0
    lock_wait_s: float = 0.0


def take_runner_lock(runner: Runner, deadline: Deadline) -> None:
    """Become the only runner, and make sure that the lock really is ours.

    Polls instead of waiting inside PostgreSQL: a waiting session would hold a snapshot that
    CREATE INDEX CONCURRENTLY of the other runner waits for, and both would hang.

    Raises:
        PoolerRefusedError: a connection pooler is in between.
        RunnerBusyError: another runner held the lock until the deadline.
    """
    row = runner.conn.execute(load_sql("backend_pid")).fetchone()
    if row is None or row[0] != runner.conn.info.backend_pid:
        message = (
            "a connection pooler stands between the runner and PostgreSQL, so its session lock would protect nothing; "
            "point CRYO_DB_HOST and CRYO_DB_PORT at the server itself"
        )
        raise PoolerRefusedError(message)
    while not ask_bool(runner.conn, "try_runner_lock", {"key": RUNNER_LOCK_KEY}):
        if deadline.is_over:
            message = "another runner holds the migration lock; nothing was changed, wait for it to end and run again"
            raise RunnerBusyError(message)
        deadline.sleep(_LOCK_POLL_S)
    runner.log.info("migrate.lock.taken", backend_pid=runner.conn.info.backend_pid)
    create_history(runner.conn)


def retry_locks(runner: Runner, what: str, attempts: Attempts, attempt: Callable[[], T], *, lock_budget_ms: int) -> T:
    """Try until the locks are there, with jittered waits in between, and tell each time who holds them.

    Args:
        runner: whose connection waits.
        what: the work, as an error and the log name it.
        attempts: counted up.
        attempt: one try; sets its timeouts afresh.
        lock_budget_ms: how long each try waits, for the error and for whoever watches.

    Raises:
        LockTimedOutError: every try ran into the budget.
    """
    failures = 0
    while True:
        attempts.count += 1
        began_s = runner.clock.monotonic()
        with _watch_blockers(runner, lock_budget_ms) as sightings:
            try:
                return attempt()
            except LOCK_LOST as error:
                lost = error
        failures += 1
        holders = sightings.rows()
        runner.log.warning(
            "migrate.lock.timed_out",
            migration=what,
            attempt=failures,
            reason=lost.diag.message_primary,
            holders=holders,
        )
        if not runner.backoff.allows_another(failures):
            message = (
                f"migration {what}: no lock within {lock_budget_ms} ms in {failures} tries"
                f"{_name_holders(holders)}; nothing of it was kept, end that transaction or run again off-peak"
            )
            raise LockTimedOutError(message, retry_after_s=30.0) from lost
        runner.clock.sleep(runner.backoff.delay_s(failures, runner.draw()))
        attempts.lock_wait_s += runner.clock.monotonic() - began_s


def _watch_blockers(runner: Runner, lock_budget_ms: int) -> AbstractContextManager[Sightings]:
    return nullcontext(Sightings()) if runner.watch is None else runner.watch.during(lock_budget_ms)


def _name_holders(holders: list[dict[str, object]]) -> str:
    if not holders:
        return ""
    return "; held by " + ", ".join(
        f"pid {holder['pid']} ({holder['application_name'] or 'no application_name'}, {holder['state']})"
        for holder in holders
    )
