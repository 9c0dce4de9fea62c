"""Failures of the agents, split by the one question a Job asks, whether another try is worth it.

The exit codes are sysexits(3): the Job's podFailurePolicy ends on 70 and tries again on 75.
"""

from typing import ClassVar

EXIT_PERMANENT = 70  # cited: EX_SOFTWARE in sysexits(3)
EXIT_TEMPORARY = 75  # cited: EX_TEMPFAIL in sysexits(3)


class AgentError(Exception):
    """Root of everything an agent raises on purpose; the message says what, where and what to do."""

    exit_code: ClassVar[int] = EXIT_PERMANENT


class PermanentError(AgentError):
    """The same input fails the same way; a person or a commit has to change something."""

    exit_code = EXIT_PERMANENT


class TemporaryError(AgentError):
    """The world was not ready; the same command may succeed later."""

    exit_code = EXIT_TEMPORARY

    def __init__(self, message: str, *, retry_after_s: float = 10.0) -> None:
        """Keep the hint next to the message.

        Args:
            message: what failed, where, what to do.
            retry_after_s: earliest useful moment of the next try; the default is chosen, a Job waits 10 s anyway.
        """
        super().__init__(message)
        self.retry_after_s = retry_after_s


class SettingsError(PermanentError):
    """A setting is missing or out of range."""


class DatabaseRefusedError(PermanentError):
    """PostgreSQL answered and said no: password, role, database name or privilege."""


class DatabaseUnavailableError(TemporaryError):
    """PostgreSQL could not be reached, is starting, is full, or dropped the connection."""


class ClusterRefusedError(PermanentError):
    """The Kubernetes API answered and said no: rights, a missing object or an invalid one."""


class ObjectMissingError(ClusterRefusedError):
    """The object does not exist; told apart because absence is a legal answer for some."""


class ClusterUnavailableError(TemporaryError):
    """The Kubernetes API could not be reached or asked to be left alone."""


class ClusterConflictError(TemporaryError):
    """Somebody else changed the object between our read and our write."""


class AddressBusyError(TemporaryError):
    """The address of an HTTP service is taken."""


class TerminatedError(TemporaryError):
    """The process was asked to stop (SIGTERM) before its work was done."""
