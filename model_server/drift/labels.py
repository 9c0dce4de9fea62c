"""Measurements that arrived for a version's predictions; repeating a validation adds nothing."""

from collections import OrderedDict
from typing import NamedTuple

# Chosen: more measurements of one version than any laboratory sends; about 200 bytes each.
CAPACITY = 2000


class Label(NamedTuple):
    """One measurement beside the prediction: inside the interval at the default level or not, and how far off."""

    covered: bool
    error: float


class Labels:
    """The last measurements of one version, one per question and value."""

    def __init__(self, *, capacity: int = CAPACITY) -> None:
        """Start empty.

        Args:
            capacity: measurements held; the oldest go first.
        """
        self._capacity = capacity
        self._held: OrderedDict[tuple[str, float], Label] = OrderedDict()
        self.added = 0

    def add(self, question: str, actual: float, label: Label) -> None:
        """Remember a measurement; the same value for the same question counts once."""
        self._held[question, actual] = label
        self.added += 1
        if len(self._held) > self._capacity:
            self._held.popitem(last=False)

    def all(self) -> list[Label]:
        """List what is held, oldest first."""
        return list(self._held.values())
