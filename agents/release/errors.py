"""How a release ends without promotion, by whether another try helps."""

from agents.runtime.errors import PermanentError, TemporaryError


class ReleaseRefusedError(PermanentError):
    """Nothing was changed: the route, the record or the new colour is not fit for a release."""


class ReleaseRolledBackError(PermanentError):
    """Traffic was moved and is back on the colour it came from."""


class ReleaseUnderWayError(TemporaryError):
    """Nothing was changed: another process drives a release of this route."""


class RecordMalformedError(PermanentError):
    """The release record cannot be read."""


class ConfirmationMissingError(TemporaryError):
    """Nothing was changed, and the gateway did not show the colour that the route names."""


class PolicyMalformedError(PermanentError):
    """What the environment asks of a release cannot be read."""
