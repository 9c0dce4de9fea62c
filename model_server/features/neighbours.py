"""How close a composition is to what a model has seen, where no fingerprint exists: nearest rows in standard units."""

from typing import Annotated

import numpy as np
from numpy.typing import ArrayLike, NDArray

Rows = Annotated[NDArray[np.float32], "n k"]


class KnownRows:
    """The standardised rows a model was trained on, ready for repeated nearest-neighbour questions."""

    def __init__(self, reference: Rows, *, centre: ArrayLike, spread: ArrayLike, neighbours: int, reach: float) -> None:
        """Prepare the rows.

        Args:
            reference: shape (n, k), already standardised.
            centre: subtracted from a question's columns; shape (k,).
            spread: divided by; shape (k,), above 0.
            neighbours: how many nearest rows the distance is averaged over, at most n.
            reach: mean distance at which the similarity is one half; above 0.
        """
        self._reference = np.asarray(reference, dtype=np.float64)
        self._centre = np.asarray(centre, dtype=np.float64)
        self._spread = np.asarray(spread, dtype=np.float64)
        self._neighbours = min(neighbours, len(self._reference))
        self._reach = reach

    def distances(self, row: NDArray[np.floating]) -> NDArray[np.float64]:
        """Euclidean distance to every known row, in standard units, in their order."""
        standard = (np.asarray(row, dtype=np.float64) - self._centre) / self._spread
        distances: NDArray[np.float64] = np.sqrt(np.square(self._reference - standard).sum(axis=1))
        return distances

    def similarities(self, row: NDArray[np.floating]) -> NDArray[np.float64]:
        """Similarity to every known row: 1 at no distance, one half at the reach, towards 0 far away."""
        similarity: NDArray[np.float64] = 1.0 / (1.0 + self.distances(row) / self._reach)
        return similarity

    def nearest_similarity(self, row: NDArray[np.floating]) -> float:
        """Similarity at the mean distance of the nearest rows, 0 to 1."""
        nearest = np.partition(self.distances(row), self._neighbours - 1)[: self._neighbours]
        return float(1.0 / (1.0 + nearest.mean() / self._reach))
