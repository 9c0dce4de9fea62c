"""The one place that opens database connections, and the one reading of what PostgreSQL's errors mean."""

import psycopg
from psycopg import errors as pg
from structlog.typing import FilteringBoundLogger

from agents.runtime.clock import Deadline
from agents.runtime.errors import AgentError, DatabaseRefusedError, DatabaseUnavailableError
from agents.runtime.names import SessionName
from agents.runtime.settings import DatabaseSettings

Connection = psycopg.Connection[tuple[object, ...]]

# Chosen: a healthy server answers in milliseconds; libpq's own minimum is 2 s.
CONNECT_TIMEOUT_S = 5
_POLL_S = 1.0
# libpq gives connection failures no SQLSTATE, only the server's sentence; these say that waiting will not help.
_REFUSALS = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied")
# SQLSTATE classes after which the same statement may work: connection, resources (disk, memory), operator
# intervention (shutdown, cancelled), transaction rollback (deadlock), object in use (lock timeout).
_TEMPORARY_CLASSES = ("08", "53", "57", "40", "55")


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
                options="-c client_connection_check_interval=1000",
                # A runner that holds locks must notice a dead network well before the kernel's two hours.
                keepalives_idle=10,
                keepalives_interval=5,
                keepalives_count=3,
            )
        except psycopg.OperationalError as error:
            where = f"{settings.host}:{settings.port}/{settings.name} as {settings.user}"
            reason = " ".join(str(error).split())
            if any(sentence in reason for sentence in _REFUSALS):
                message = (
                    f"PostgreSQL at {where} refused the connection: {reason}; check CRYO_DB_* and the password file"
                )
                raise DatabaseRefusedError(message) from error
            if deadline.is_over:
                message = f"PostgreSQL at {where} did not answer in time: {reason}; check that it runs and is reachable"
                raise DatabaseUnavailableError(message) from error
            log.warning("runtime.connect.retried", where=where, reason=reason)
            deadline.sleep(_POLL_S)


def is_temporary(error: psycopg.Error) -> bool:
    """Whether the same statement may succeed later without anybody changing anything."""
    if isinstance(error, pg.QueryCanceled):
        return False  # class 57, but our own statement_timeout: the statement is too slow, not the moment
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)  # the connection itself broke
    return error.sqlstate[:2] in _TEMPORARY_CLASSES


def database_error(error: psycopg.Error, what: str, *, remedy: str) -> AgentError:
    """Turn a driver error into ours, keeping the server's sentence and SQLSTATE.

    Args:
        error: as raised by the driver.
        what: what was being done, and what its failure leaves behind.
        remedy: what to do when it is permanent.
    """
    sentence = error.diag.message_primary or " ".join(str(error).split()) or type(error).__name__
    told = f"{what}: {sentence} (SQLSTATE {error.sqlstate or 'none'})"
    if is_temporary(error):
        return DatabaseUnavailableError(f"{told}; run the same command again")
    return DatabaseRefusedError(f"{told}; {remedy}")
