"""One call of the command line with everything it needs from outside, and the connections that it opens."""

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import psycopg
from structlog.typing import FilteringBoundLogger

from agents.migrate.model import OptionalPhase
from agents.migrate.runner import LOCK_BACKOFF, Runner
from agents.migrate.truth import Server
from agents.migrate.watch import BlockerWatch
from agents.runtime.clock import Clock, Deadline
from agents.runtime.logs import Redactor
from agents.runtime.names import APP_MIGRATE, SessionName
from agents.runtime.postgres import Connection, database_error, open_connection
from agents.runtime.retry import Backoff
from agents.runtime.settings import DatabaseSettings, Identity

# Chosen: a working day and a night, so that a release of the morning can still be taken back the next morning.
ROLLBACK_WINDOW_S = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


@dataclass(frozen=True, slots=True)
class Options:
    """What the caller chose."""

    folder: Path
    wait_s: float = 120.0
    """Longest wait for the database to answer, and again for another runner to end."""
    include: tuple[OptionalPhase, ...] = ()
    lock_tries: int = LOCK_BACKOFF.tries
    rollback_window_s: float = ROLLBACK_WINDOW_S
    """How long after an expansion or a promotion nothing is taken away."""
    adopt: bool = False
    """Bring a database that existed before the runner to the declared shape first."""
    allow_rewrite: bool = False
    """Let an adoption write large tables anew, which blocks them meanwhile."""
    unbacked_because: str = ""
    """Why rows may be deleted without a verified backup; empty means that they may not."""
    up_to: int = 0
    """Last file that a baseline records."""


@dataclass(frozen=True, slots=True)
class Command:
    """One invocation with everything it needs from outside."""

    environ: Mapping[str, str]
    options: Options
    log: FilteringBoundLogger
    redactor: Redactor
    clock: Clock

    @property
    def session(self) -> SessionName:
        """How our own sessions are called."""
        identity = Identity.from_environ(self.environ)
        return SessionName(agent=APP_MIGRATE, colour=identity.colour, version=identity.version)


Verb = Callable[[Command], Answer]


@contextmanager
def connect(command: Command) -> Iterator[Server]:
    """Open the database that is migrated, with the means to open another one beside it."""
    settings = DatabaseSettings.from_environ(command.environ)
    password = settings.read_password()
    if password is not None:
        command.redactor.add(password)

    def open_database(name: str) -> Connection:
        deadline = Deadline.after(command.options.wait_s, command.clock)
        return open_connection(replace(settings, name=name), command.session, deadline=deadline, log=command.log)

    with open_database(settings.name) as conn:
        watch = BlockerWatch(conn.info.backend_pid, lambda: open_database(settings.name), command.log)
        try:
            yield Server(conn=conn, open_database=open_database, clock=command.clock, log=command.log, watch=watch)
        except psycopg.Error as error:
            raise database_error(error, "PostgreSQL", remedy="check the role's rights on schema cryo") from error
        finally:
            watch.close()


def make_runner(command: Command, server: Server) -> Runner:
    """Give the runner what it needs from the invocation."""
    return Runner(
        conn=server.conn,
        clock=command.clock,
        log=command.log,
        draw=random.random,
        git_sha=Identity.from_environ(command.environ).git_sha,
        backoff=Backoff(tries=command.options.lock_tries, first_s=LOCK_BACKOFF.first_s, cap_s=LOCK_BACKOFF.cap_s),
        watch=server.watch,
        unbacked_because=command.options.unbacked_because,
    )
