"""What PostgreSQL's errors mean: whether waiting helps, and whether the same work may be sent again unseen."""

from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
from psycopg import errors as pg

from agents.runtime.errors import AgentError, DatabaseRefusedError, DatabaseUnavailableError, PermanentError

# libpq gives connection failures no SQLSTATE, only the server's sentence; these say that waiting will not help.
_REFUSALS = ("password authentication failed", "no pg_hba.conf entry", "does not exist", "no password supplied")
# SQLSTATE classes after which the same statement may work: connection, resources (disk, memory), operator
# intervention (shutdown, cancelled), transaction rollback (deadlock), object in use (lock timeout).
_TEMPORARY_CLASSES = ("08", "53", "57", "40", "55")
_LOST_CLASSES = ("08", "57")


class PoolExhaustedError(DatabaseUnavailableError):
    """Every connection of the pool was in use until the wait was over."""


class CommitUnknownError(PermanentError):
    """The connection broke while the server was told to commit: the work may be there or not.

    Permanent, because a Job that ran again by itself could do the work twice.
    """


def is_refusal(reason: str) -> bool:
    """Whether a failed connection says that the server answered and will say no again."""
    return any(sentence in reason for sentence in _REFUSALS)


def is_temporary(error: psycopg.Error) -> bool:
    """Whether the same statement may succeed later without anybody changing anything."""
    if isinstance(error, pg.QueryCanceled):
        return False  # class 57, but our own statement_timeout: the statement is too slow, not the moment
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)  # the connection itself broke
    return error.sqlstate[:2] in _TEMPORARY_CLASSES


def is_connection_lost(error: psycopg.Error) -> bool:
    """Whether the session is gone, and with it whatever it had not committed."""
    if isinstance(error, pg.QueryCanceled):
        return False
    if error.sqlstate is None:
        return isinstance(error, psycopg.OperationalError)
    return error.sqlstate[:2] in _LOST_CLASSES


def is_retryable(error: psycopg.Error) -> bool:
    """Whether a fresh attempt starts from a clean state: the server undid the first one, or lost its session."""
    return isinstance(error, pg.SerializationFailure | pg.DeadlockDetected) or is_connection_lost(error)


def sqlstate_class(error: psycopg.Error) -> str:
    """Return the first two characters of the SQLSTATE, a bounded metric label; `none` for a broken connection."""
    return error.sqlstate[:2] if error.sqlstate else "none"


def sqlstate_of(error: AgentError) -> str | None:
    """Return the SQLSTATE that the server gave an error of ours; None when it came from somewhere else."""
    cause = error.__cause__
    return cause.sqlstate if isinstance(cause, psycopg.Error) else None


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


@contextmanager
def as_our_error(what: str, *, remedy: str) -> Iterator[None]:
    """Turn what the driver raises inside into our errors; see database_error."""
    try:
        yield
    except psycopg.Error as error:
        raise database_error(error, what, remedy=remedy) from error
