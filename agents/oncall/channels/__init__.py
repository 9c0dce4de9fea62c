"""Ways to a person. Each either takes a message or raises which of four things went wrong."""

from collections.abc import Mapping
from typing import Protocol

from agents.oncall.messages import Message
from agents.oncall.roster import ChannelName, Person


class Channel(Protocol):
    """One way to people."""

    def send(self, message: Message, person: Person | None) -> None:
        """Hand a message over.

        Args:
            message: what to say.
            person: whom to tell; None when the roster no longer knows them.

        Raises:
            ChannelError: one of its kinds; only OutcomeUnknownError leaves open whether it arrived.
        """
        ...


Channels = Mapping[ChannelName, Channel]
