"""A bounded cache that counts its hits."""

from collections import OrderedDict
from typing import Generic, Protocol, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class CacheCounts(Protocol):
    """What metrics read of a cache."""

    hits: int
    misses: int

    def __len__(self) -> int:
        """Count the entries."""
        ...


class BoundedCache(Generic[K, V]):
    """Least-recently-used cache for one thread."""

    def __init__(self, capacity: int) -> None:
        """Start empty.

        Args:
            capacity: entries kept, >= 1; the least recently used one goes first.
        """
        self._capacity = capacity
        self._entries: OrderedDict[K, V] = OrderedDict()
        self.hits = 0
        self.misses = 0

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._entries)

    def get(self, key: K) -> V | None:
        """Look a key up and make it the most recently used; None when absent."""
        value = self._entries.get(key)
        if value is None:
            self.misses += 1
            return None
        self.hits += 1
        self._entries.move_to_end(key)
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value as the most recently used, dropping the oldest when full."""
        self._entries[key] = value
        self._entries.move_to_end(key)
        if len(self._entries) > self._capacity:
            self._entries.popitem(last=False)
