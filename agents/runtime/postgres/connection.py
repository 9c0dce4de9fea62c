"""Opens one connection, for an agent that needs a session of its own; everything else borrows from `database`."""

import psycopg
from structlog.typing import FilteringBoundLogger

from agents.runtime.clock import Deadline
from agents.runtime.errors import DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.names import SessionName
from agents.runtime.postgres.errors import is_refusal
from agents.runtime.settings import DatabaseSettings

Connection = psycopg.Connection[tuple[object, ...]]

# Chosen: a healthy server answers in milliseconds; libpq's own minimum is 2 s.
CONNECT_TIMEOUT_S = 5
_POLL_S = 1.0


def connect_once(
    settings: DatabaseSettings, session: SessionName, *, password: str | None, options: str = ""
) -> Connection:
    """Connect in autocommit mode, without a second try.

    Args:
        settings: where and as whom.
        session: written into application_name.
        password: as read a moment ago, so that a rotated one is used.
        options: more of the server's settings for this session, as `-c name=value`.

    Raises:
        psycopg.OperationalError: nobody answered, or the server said no.
    """
    return psycopg.connect(
        host=settings.host,
        port=settings.port,
        dbname=settings.name,
        user=settings.user,
        password=password,
        sslmode=settings.sslmode,
        connect_timeout=CONNECT_TIMEOUT_S,
        application_name=session.format(),
        autocommit=True,
        # The server ends a statement within a second of its client's death, and with it our locks.
        options=f"-c client_connection_check_interval=1000 {options}".rstrip(),
        # A runner that holds locks must notice a dead network well before the kernel's two hours.
        keepalives_idle=10,
        keepalives_interval=5,
        keepalives_count=3,
    )


def open_connection(
    settings: DatabaseSettings, session: SessionName, *, deadline: Deadline, log: FilteringBoundLogger
) -> Connection:
    """Connect in autocommit mode, waiting for a server that is still starting.

    Args:
        settings: where and as whom.
        session: written into application_name.
        deadline: when to stop waiting.
        log: told about each failed try.

    Raises:
        DatabaseRefusedError: the server answered and said no.
        DatabaseUnavailableError: nobody answered before the deadline.
    """
    password = settings.read_password()
    while True:
        try:
            return connect_once(settings, session, password=password)
        except psycopg.OperationalError as error:
            where, reason = describe_place(settings), describe_failure(error)
            if is_refusal(reason):
                raise DatabaseRefusedError(refusal(where, reason)) from error
            if deadline.is_over:
                raise DatabaseUnavailableError(silence(where, reason)) from error
            log.warning("runtime.connect.retried", where=where, reason=reason)
            deadline.sleep(_POLL_S)


def describe_place(settings: DatabaseSettings) -> str:
    """Name a database and our role there, for messages."""
    return f"{settings.host}:{settings.port}/{settings.name} as {settings.user}"


def describe_failure(error: psycopg.Error) -> str:
    """Write a connection failure, which libpq spreads over several lines, in one."""
    return " ".join(str(error).split())


def refusal(where: str, reason: str) -> str:
    """Write the message of a connection that the server refused."""
    return f"PostgreSQL at {where} refused the connection: {reason}; check CRYO_DB_* and the password file"


def silence(where: str, reason: str) -> str:
    """Write the message of a connection that nobody answered."""
    return f"PostgreSQL at {where} did not answer in time: {reason}; check that it runs and is reachable"
