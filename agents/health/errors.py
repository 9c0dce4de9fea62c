"""What can go wrong with a health check before it says anything about the database."""

from agents.runtime.errors import PermanentError


class CheckFileError(PermanentError):
    """A check's file breaks a rule; the message names the file and the remedy."""


class SelectionError(PermanentError):
    """A group, a check or a setting that does not exist was asked for."""
