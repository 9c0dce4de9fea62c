"""What a pool is made of: its limits, where its sessions go, and how one of them is opened."""

import math
import os
import random
import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from weakref import WeakSet

import psycopg
from structlog.typing import FilteringBoundLogger

from agents.runtime.clock import Clock, SystemClock
from agents.runtime.logs import Redactor
from agents.runtime.names import SessionName
from agents.runtime.postgres.connection import Connection, connect_once
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings


@dataclass(frozen=True, slots=True)
class PoolSettings:
    """How many sessions, how long anything waits, and what sessions may do."""

    min_size: int = 1
    """Connections kept open."""
    max_size: int = 4
    """Connections opened at most; above it callers wait."""
    wait_s: float = 5.0
    """Longest wait for a connection."""
    statement_timeout_s: float = 30.0
    """Longest statement; a query may set its own."""
    read_only: bool = False
    """Refuse every write, and so allow every statement to be repeated."""
    backoff: Backoff = field(default_factory=lambda: Backoff(tries=5, first_s=0.05, cap_s=1.0))
    """How often repeatable work is attempted, and the waits between."""

    @property
    def options(self) -> str:
        """The same as settings of the server for each session."""
        limit = f"-c statement_timeout={math.ceil(self.statement_timeout_s * 1000)}"
        return f"{limit} -c default_transaction_read_only=on" if self.read_only else limit


@dataclass(frozen=True, slots=True)
class Target:
    """Where to connect, and under which name."""

    settings: DatabaseSettings
    session: SessionName
    redactor: Redactor


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the pool needs of the world besides a server."""

    log: FilteringBoundLogger
    clock: Clock = field(default_factory=SystemClock)
    draw: Callable[[], float] = random.random
    """Uniform random numbers in [0, 1) for jitter."""


class Connector:
    """Opens the pool's connections; stands where the pool expects a connection class."""

    def __init__(self, target: Target, options: str) -> None:
        """Remember where to connect; the password is read anew for each connection, because it may be rotated."""
        self._target = target
        self._options = options
        self._opened: WeakSet[Connection] = WeakSet()
        self.failure: Exception | None = None

    def connect(self, _conninfo: str, **_kwargs: object) -> Connection:
        """Open one connection, or keep why that failed for whoever waits for it."""
        try:
            password = self._target.settings.read_password()
            if password is not None:
                self._target.redactor.add(password)
            conn = connect_once(self._target.settings, self._target.session, password=password, options=self._options)
        except Exception as error:
            self.failure = error
            raise
        self.failure = None
        self._opened.add(conn)
        return conn

    def break_all(self) -> None:
        """Shut the sockets of every connection, from any thread: whoever waits for an answer gets a lost session.

        A host that vanished, or a network that swallows packets, ends no wait by itself; keepalives see only the first.
        """
        for conn in list(self._opened):
            # Our own descriptor: libpq goes on owning, and closing, the one that it waits on.
            with suppress(psycopg.OperationalError, OSError), socket.socket(fileno=os.dup(conn.fileno())) as ours:
                ours.shutdown(socket.SHUT_RDWR)
