"""The agent's own log, for machines without a mail server: it reaches whoever reads it, and nobody else."""

from structlog.typing import FilteringBoundLogger

from agents.oncall.messages import Message
from agents.oncall.roster import Person


class LogChannel:
    """Writes one line per message."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        """Remember where to write."""
        self._log = log

    def send(self, message: Message, person: Person | None) -> None:
        """Write a message; see `Channel.send`."""
        name = person.name if person is not None else "nobody"
        # Without the link: a log is kept, and its readers may be others.
        self._log.warning("oncall.page.logged", to=name, subject=message.subject)
