"""What can go wrong with backups, by whether another try helps."""

from agents.runtime.errors import PermanentError, TemporaryError


class BackupError(PermanentError):
    """Root of what needs a person before a backup or restore can work."""


class BackupUnavailableError(TemporaryError):
    """Root of what the same command may survive later."""


class SettingsInvalidError(BackupError):
    """A repository, schedule or retention setting is missing or contradicts another; nothing was started."""


class ToolMissingError(BackupError):
    """A program of PostgreSQL or the engine is not installed, or has a version that is not supported."""


class SetUnknownError(BackupError):
    """No backup set has that label."""


class SetHeldError(BackupError):
    """The set is on hold, or a set that depends on it is; it was not deleted."""


class SetDamagedError(BackupError):
    """Stored bytes are not what was written; the message names the damaged object."""


class ManifestRefusedError(BackupError):
    """A manifest is missing, edited, stale or of another set; nothing that it says may be believed."""


class RoleInsufficientError(BackupError):
    """Our role in the database would not see every row, so that the backup would miss some in silence."""


class InstanceFailedError(BackupError):
    """A throw-away server did not start or ended by itself; the message carries the last lines of its log."""


class TableRefusedError(BackupError):
    """A table cannot be brought back without changing something else; nothing was changed."""


class TargetUnreachableError(BackupError):
    """The restore target is outside what the repository can reach; nothing was touched."""


class FolderNotEmptyError(BackupError):
    """The restore would overwrite files, and nobody allowed it; nothing was touched."""


class ConfirmationMissingError(BackupError):
    """The command changes data in place and was not confirmed; nothing was touched."""


class KeyWrongError(BackupError):
    """A key is missing, is not the one that the repository was written with, or is not readable by us alone."""


class ClusterForeignError(BackupError):
    """The repository belongs to another database cluster, or to another major version of PostgreSQL."""


class EngineFailedError(BackupError):
    """The engine ended with an error that another try would not change; its own message is included."""


class RepositoryUnavailableError(BackupUnavailableError):
    """The store could not be reached, refused us for the moment, or is full."""


class BackupBusyError(BackupUnavailableError):
    """Another backup, restore or expiry holds the lock."""


class ArchiveBehindError(BackupUnavailableError):
    """WAL that the backup or the restore target needs has not arrived in the archive yet."""


class DeadlineExceededError(BackupUnavailableError):
    """The work did not end within its time limit and was stopped."""
