"""What can go wrong with a health check before it says anything about the database."""

from agents.runtime.errors import PermanentError, TemporaryError


class CheckFileError(PermanentError):
    """A check's file breaks a rule; the message names the file and the remedy."""


class SelectionError(PermanentError):
    """A group, a check or a setting that does not exist was asked for."""


class StandbyRefusedError(PermanentError):
    """A fix was asked of a standby; it can only be done on the primary."""


class PlanChangedError(PermanentError):
    """What would be done now is not what the given hash names."""


class AuditMissingError(PermanentError):
    """There is no audit log to write into, and nothing is changed without one."""


class MenderBusyError(TemporaryError):
    """Somebody else applies fixes to this database."""


class ReportUnknownError(PermanentError):
    """No report has that number."""
