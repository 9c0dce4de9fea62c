"""What can go wrong with flags, by whether another try helps."""

from agents.runtime.errors import PermanentError, TemporaryError


class FlagUnknownError(PermanentError):
    """No flag has that name."""


class FlagChangeError(PermanentError):
    """A change is not legal: a bad name, a share out of range, an exception for nobody known."""


class SnapshotInvalidError(PermanentError):
    """The database answered with something that is not a set of flags; code and schema do not fit each other."""


class FlagsStaleError(TemporaryError):
    """No copy of the flags is young enough to be trusted."""
