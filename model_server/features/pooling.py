"""One row for a mixture from one row per component: how much of each property, the extremes, and what meets what."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from model_server.errors import ConditionInvalidError

Vector = NDArray[np.float64]


def pool_components(rows: NDArray[np.float64], fractions: Sequence[float]) -> Vector:
    """Pool component properties by weight.

    Args:
        rows: shape (components, d); components with fraction 0 do not take part in the extremes.
        fractions: shares that sum to 1; shape (components,).

    Returns:
        weighted mean, maximum and minimum per property; shape (3 d,). The order of components does not matter.
    """
    shares = np.asarray(fractions, dtype=np.float64)
    if rows.ndim != 2 or len(rows) != len(shares) or not len(shares):  # noqa: PLR2004 - a matrix has two axes
        raise ConditionInvalidError(f"{len(shares)} fractions for rows of shape {rows.shape}; give one per component")
    if (shares < 0).any() or abs(float(shares.sum()) - 1.0) > 1e-6:  # noqa: PLR2004 - rounding of a request
        raise ConditionInvalidError(f"fractions {shares.tolist()} are not shares that sum to 1")
    present = rows[shares > 0]
    return np.concatenate([shares @ rows, present.max(axis=0), present.min(axis=0)])


def pair_products(amounts: Sequence[float]) -> Vector:
    """Multiply every pair of amounts: what trees need help with, an effect that only two ingredients have together.

    Args:
        amounts: of n groups; the result has n (n - 1) / 2 entries in the order of `itertools.combinations`.
    """
    return np.array([first * second for first, second in combinations(amounts, 2)], dtype=np.float64)
