"""What can go wrong between an alert and a person, by whether another try helps."""

from agents.runtime.errors import PermanentError, TemporaryError


class RosterInvalidError(PermanentError):
    """The roster says something that cannot be followed; the message names the key and the remedy."""


class PayloadInvalidError(PermanentError):
    """A body that is no notification of Alertmanager (version 4)."""


class LinkInvalidError(PermanentError):
    """A link that was not made here, was changed, or is too old."""


class IncidentUnknownError(PermanentError):
    """No incident has that number."""


class SilenceRefusedError(PermanentError):
    """Alertmanager said no to a silence."""


class AlertmanagerUnavailableError(TemporaryError):
    """Alertmanager did not answer."""


class ChannelError(TemporaryError):
    """A channel did not take a message; `outcome` is the label of its metric."""

    outcome = "failed"


class ChannelUnreachableError(ChannelError):
    """Nobody answered, or the server has trouble of its own; the message was not taken."""

    outcome = "unreachable"


class ChannelRefusedError(ChannelError):
    """The server answered and said no: credentials, address or content; the message was not taken."""

    outcome = "refused"


class ChannelLimitedError(ChannelError):
    """The server asks for fewer messages; `retry_after_s` is its wish."""

    outcome = "limited"


class OutcomeUnknownError(ChannelError):
    """The message was sent and no answer came, so it may have arrived or not."""

    outcome = "unknown"
