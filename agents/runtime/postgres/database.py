"""A pool of connections that checks, measures and retries; whatever agents read and write goes through it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Lock
from types import TracebackType
from typing import Self, TypeVar, cast

import psycopg
from psycopg import IsolationLevel
from psycopg.pq import TransactionStatus
from psycopg_pool import ConnectionPool

from agents.runtime.clock import Deadline
from agents.runtime.errors import AgentError, DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.metrics import DatabaseMetrics, PoolState
from agents.runtime.postgres.connection import Connection, describe_failure, describe_place, refusal, silence
from agents.runtime.postgres.errors import (
    CommitUnknownError,
    PoolExhaustedError,
    database_error,
    is_connection_lost,
    is_refusal,
    is_retryable,
    sqlstate_class,
)
from agents.runtime.postgres.pool import Connector, PoolSettings, Surroundings, Target
from agents.runtime.postgres.query import Query
from agents.runtime.postgres.session import Parameters, Row, Session

T = TypeVar("T")

# Chosen: the pool doubles its pause between tries; after so long it starts anew with the next borrow, so that an
# outage of minutes is not followed by minutes of waiting for the next try.
_RECONNECT_S = 5.0
# Chosen: a threadbare pool of an agent reconnects one by one; the driver's default of three threads is for web servers.
_POOL_THREADS = 1


class Database:
    """A pool of sessions to one database.

    Only work that cannot do harm twice is repeated: reads that the server itself holds to reading, and
    transactions whose author says that they are idempotent.
    """

    def __init__(self, target: Target, pool: PoolSettings, *, metrics: DatabaseMetrics, around: Surroundings) -> None:
        """Prepare the pool; nothing connects before `open`."""
        self._where = describe_place(target.settings)
        self._settings = pool
        self._metrics = metrics
        self._around = around
        self._connector = Connector(target, pool.options)
        self._waiting = self._borrowed = 0
        self._counting = Lock()
        self._pool = ConnectionPool(
            # The pool calls `connect` of this and nothing else; a subclass could not know where to connect.
            connection_class=cast("type[Connection]", self._connector),
            min_size=pool.min_size,
            max_size=pool.max_size,
            timeout=pool.wait_s,
            check=ConnectionPool.check_connection,
            reconnect_timeout=_RECONNECT_S,
            num_workers=_POOL_THREADS,
            name=target.session.format(),
            open=False,
        )
        metrics.watch_pool(self.state)

    def open(self) -> Self:
        """Start connecting in the background; the first borrow waits for it."""
        self._pool.open()
        return self

    def close(self) -> None:
        """End every session; one that is borrowed ends when it is given back."""
        self._pool.close()

    def break_sessions(self) -> None:
        """End every session at once, from any thread; a caller who waits for a silent server gets an error."""
        self._connector.break_all()

    def __enter__(self) -> Self:
        """Open the pool."""
        return self.open()

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the pool."""
        self.close()

    def state(self) -> PoolState:
        """Return the pool's size and use at this moment."""
        return PoolState(
            size=self._pool.get_stats()["pool_size"],
            in_use=self._borrowed,
            waiting=self._waiting,
            limit=self._settings.max_size,
        )

    def fetch_all(
        self, query: Query, parameters: Parameters | None = None, *, deadline: Deadline | None = None
    ) -> list[Row]:
        """Return every row of one query, repeated only by a pool that is read-only.

        Raises:
            DatabaseRefusedError: the server refused the query, the values or the role.
            DatabaseUnavailableError: no connection, or it broke, and no attempt is left.
        """
        return self._single(query.name, lambda session: session.fetch_all(query, parameters), deadline)

    def fetch_one(
        self, query: Query, parameters: Parameters | None = None, *, deadline: Deadline | None = None
    ) -> Row | None:
        """Return the first row of one query or None; errors and repetition as with `fetch_all`."""
        return self._single(query.name, lambda session: session.fetch_one(query, parameters), deadline)

    def read(self, name: str, work: Callable[[Session], T], *, deadline: Deadline | None = None) -> T:
        """Run several queries on one moment of the database; repeated when the session is lost.

        The transaction is REPEATABLE READ READ ONLY, so a write in it is refused.

        Args:
            name: of the work, for metrics and errors.
            work: may run more than once.
            deadline: no attempt begins after it.
        """
        return self._repeat(name, lambda: self._transact(name, work, deadline, reads=True), deadline, allowed=True)

    def transact(
        self, name: str, work: Callable[[Session], T], *, idempotent: bool = False, deadline: Deadline | None = None
    ) -> T:
        """Run work in one transaction and commit it.

        Args:
            name: of the work, for metrics and errors.
            work: what to do; runs more than once only when it is idempotent.
            idempotent: doing it twice leaves the same as doing it once, so that it may be repeated after a
                serialization failure, a deadlock or a lost connection, even one that was lost during the commit.
            deadline: no attempt begins after it.

        Raises:
            CommitUnknownError: the connection broke during the commit and the work is not idempotent.
            DatabaseRefusedError: the server refused a statement; nothing was kept.
            DatabaseUnavailableError: the world was not ready; nothing was kept.
        """

        def attempt() -> T:
            return self._transact(name, work, deadline, idempotent=idempotent)

        return self._repeat(name, attempt, deadline, allowed=idempotent)

    def _single(self, name: str, ask: Callable[[Session], T], deadline: Deadline | None) -> T:
        def attempt() -> T:
            with self._borrow(deadline) as conn:
                return ask(Session(conn, self._metrics, self._around.clock))

        return self._repeat(name, attempt, deadline, allowed=self._settings.read_only)

    def _transact(
        self,
        name: str,
        work: Callable[[Session], T],
        deadline: Deadline | None,
        *,
        reads: bool = False,
        idempotent: bool = False,
    ) -> T:
        with self._borrow(deadline) as conn:
            committing = False
            try:
                conn.isolation_level = IsolationLevel.REPEATABLE_READ if reads else None
                conn.read_only = True if reads else None
                with conn.transaction():
                    result = work(Session(conn, self._metrics, self._around.clock))
                    _refuse_aborted(conn, name)
                    committing = True
            except psycopg.Error as error:
                self._metrics.count_error(name, sqlstate_class(error))
                if committing and is_connection_lost(error) and not (reads or idempotent):
                    message = (
                        f"transaction {name}: the connection to {self._where} broke during the commit, so its work "
                        "may be there or not; look at the data before doing it again"
                    )
                    raise CommitUnknownError(message) from error
                raise database_error(error, f"transaction {name}", remedy="nothing was kept, correct it") from error
            return result

    def _repeat(self, name: str, attempt: Callable[[], T], deadline: Deadline | None, *, allowed: bool) -> T:
        backoff, clock, failures = self._settings.backoff, self._around.clock, 0
        while True:
            try:
                return attempt()
            except PoolExhaustedError:
                raise  # the wait that was agreed on is over; waiting again would hide an overloaded pool
            except DatabaseUnavailableError as error:
                failures += 1
                cause = error.__cause__
                retryable = isinstance(cause, psycopg.Error) and is_retryable(cause)
                in_time = deadline is None or not deadline.is_over
                if not (allowed and retryable and in_time and backoff.allows_another(failures)):
                    raise
                self._metrics.count_retry(name)
                self._around.log.warning("runtime.query.retried", query=name, attempt=failures, reason=str(error))
                pause_s = backoff.delay_s(failures, self._around.draw())
                clock.sleep(pause_s if deadline is None else min(pause_s, deadline.remaining_s))

    @contextmanager
    def _borrow(self, deadline: Deadline | None) -> Iterator[Connection]:
        wait_s = self._settings.wait_s if deadline is None else min(self._settings.wait_s, deadline.remaining_s)
        began_s = self._around.clock.monotonic()
        self._count(waiting=1)
        try:
            conn = self._pool.getconn(wait_s)
        except psycopg.OperationalError as error:
            raise self._explain(wait_s) from error
        finally:
            self._count(waiting=-1)
            self._metrics.observe_wait(self._around.clock.monotonic() - began_s)
        self._count(borrowed=1)
        try:
            yield conn
        finally:
            self._pool.putconn(conn)
            self._count(borrowed=-1)

    def _count(self, *, waiting: int = 0, borrowed: int = 0) -> None:
        with self._counting:
            self._waiting += waiting
            self._borrowed += borrowed

    def _explain(self, wait_s: float) -> AgentError:
        """Say why no connection came: the last one could not be opened, or all are in use."""
        failure = self._connector.failure
        if isinstance(failure, AgentError):
            return failure
        if isinstance(failure, psycopg.Error):
            reason = describe_failure(failure)
            if is_refusal(reason):
                return DatabaseRefusedError(refusal(self._where, reason))
            return DatabaseUnavailableError(silence(self._where, reason))
        state = self.state()
        if state.in_use < state.limit:
            return DatabaseUnavailableError(silence(self._where, f"no connection within {wait_s:g} s"))
        message = (
            f"no connection to {self._where} came free within {wait_s:g} s: {state.in_use} of {state.limit} are in "
            f"use and {state.waiting} callers wait; try later, or give the pool more connections"
        )
        return PoolExhaustedError(message)


def _refuse_aborted(conn: Connection, name: str) -> None:
    """Refuse a commit that PostgreSQL would turn into a rollback without a word."""
    if conn.info.transaction_status is TransactionStatus.INERROR:
        message = (
            f"transaction {name}: a statement in it failed and the caller went on; nothing was kept, "
            "let the error pass or give that statement a transaction of its own"
        )
        raise DatabaseRefusedError(message)
