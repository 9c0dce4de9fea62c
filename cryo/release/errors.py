"""Why nothing was written to Git."""

from cryo.errors import PermanentCryoError, TemporaryCryoError


class EditRefusedError(PermanentCryoError):
    """The environment file or its repository is not fit to be edited."""


class VersionUnknownError(PermanentCryoError):
    """Nobody has that version."""


class RegistryUnavailableError(TemporaryCryoError):
    """The registry does not answer."""
