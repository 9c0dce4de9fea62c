"""The last questions that a version answered: appending costs a fraction of a microsecond, memory is bounded."""

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

# Chosen: rows a window holds; twice the number from which on a verdict is given.
CAPACITY = 1000
# Chosen: more rows of one request are one caller's view of the world; an even sample of them stands for it.
LARGEST = 250

FloatRows = NDArray[np.float32]


class Sample(NamedTuple):
    """What a window holds, oldest first.

    Args:
        x: shape (n, d).
        point: shape (n,).
        scale: shape (n,).
        inside: shape (n,); 1 inside the domain, 0 outside, -1 where nobody could tell.
        since: time of the oldest row, in seconds since 1970.
    """

    x: FloatRows
    point: FloatRows
    scale: FloatRows
    inside: NDArray[np.int8]
    since: float

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.point)


class _Chunk(NamedTuple):
    """Rows of one request; of a single row the numbers may stand without an array around them."""

    at: float
    rows: int
    x: FloatRows
    point: FloatRows | float
    scale: FloatRows | float
    inside: NDArray[np.bool_] | bool | None


class Window:
    """A sliding window over the rows of one version; for one thread."""

    def __init__(self, clock: Callable[[], float], *, capacity: int = CAPACITY) -> None:
        """Start empty.

        Args:
            clock: seconds since 1970.
            capacity: rows held; the oldest go first.
        """
        self._clock = clock
        self._capacity = capacity
        self._chunks: deque[_Chunk] = deque()
        self._held = 0
        self.observed = 0

    def __len__(self) -> int:
        """Count the rows, those of a request that is half out of the window included."""
        return min(self._held, self._capacity)

    def observe(self, x: FloatRows, point: FloatRows, scale: FloatRows, inside: NDArray[np.bool_] | None) -> None:
        """Remember the rows of one request. They are kept as they are and must not be changed afterwards.

        Args:
            x: shape (n, d).
            point: shape (n,).
            scale: shape (n,).
            inside: whether each row lay in the domain; None where nobody could tell.
        """
        count = len(point)
        if count > LARGEST:
            chosen = np.linspace(0, count - 1, LARGEST).astype(np.int64)
            x, point, scale = x[chosen], point[chosen], scale[chosen]
            inside, count = None if inside is None else inside[chosen], LARGEST
        self._append(_Chunk(self._clock(), count, x, point, scale, inside))

    def observe_one(self, features: FloatRows, point: float, scale: float, *, inside: bool) -> None:
        """Remember one row of shape (d,) without the cost that NumPy has per array."""
        self._append(_Chunk(self._clock(), 1, features, point, scale, inside))

    def sample(self) -> Sample | None:
        """Copy what is held; None when nothing is."""
        if not self._chunks:
            return None
        first = -self._capacity
        return Sample(
            np.concatenate([np.atleast_2d(chunk.x) for chunk in self._chunks])[first:],
            np.concatenate([np.atleast_1d(chunk.point) for chunk in self._chunks])[first:],
            np.concatenate([np.atleast_1d(chunk.scale) for chunk in self._chunks])[first:],
            np.concatenate([_known(chunk) for chunk in self._chunks])[first:],
            self._chunks[0].at,
        )

    def _append(self, chunk: _Chunk) -> None:
        self._chunks.append(chunk)
        self._held += chunk.rows
        self.observed += 1
        while self._held - self._chunks[0].rows >= self._capacity:
            self._held -= self._chunks.popleft().rows


def _known(chunk: _Chunk) -> NDArray[np.int8]:
    if chunk.inside is None:
        return np.full(chunk.rows, -1, dtype=np.int8)
    return np.atleast_1d(chunk.inside).astype(np.int8)
