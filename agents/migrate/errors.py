"""What can go wrong with a migration, by whether another try helps."""

from agents.runtime.errors import PermanentError, TemporaryError


class MigrationFileError(PermanentError):
    """A file in the migrations folder breaks a rule; the message names the file and the remedy."""


class HistoryMismatchError(PermanentError):
    """The database's history and the folder contradict each other: an edited, missing or late file."""


class ServerTooOldError(PermanentError):
    """A pending migration needs a newer PostgreSQL."""


class PoolerRefusedError(PermanentError):
    """A connection pooler stands between us and the server, so a session lock would protect nothing."""


class VerifyFailedError(PermanentError):
    """A verify query did not return what its file declares."""


class AdoptionRefusedError(PermanentError):
    """A database that existed before the runner is not adopted yet, or cannot be without a decision."""


class ContractRefusedError(TemporaryError):
    """A contract step may not run yet: the old version is connected, or may still be wanted back."""


class RunnerBusyError(TemporaryError):
    """Another runner held the lock until our deadline."""


class LockTimedOutError(TemporaryError):
    """Every try to lock a table ran into its budget."""
