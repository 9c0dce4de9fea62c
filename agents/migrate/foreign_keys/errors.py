"""What can stop the repair of relations; both need a person."""

from agents.runtime.errors import PermanentError


class DeclarationError(PermanentError):
    """The .toml breaks a rule; the message names the file, the entry and the key."""


class RelationRefusedError(PermanentError):
    """A relation cannot be repaired as it is; the message says what stands in the way and what to do."""


class BackupMissingError(PermanentError):
    """Rows would be changed or deleted, and no recent backup was proven to restore."""


class NotConvergedError(PermanentError):
    """The relations still differ from their declaration after every pass."""
