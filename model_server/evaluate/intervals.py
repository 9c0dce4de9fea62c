"""Prediction intervals that keep their promise: cross-conformal quantiles of scaled errors.

Source: cross-conformal prediction (Vovk 2015, 10.1007/s10472-013-9368-4) with the finite-sample rank and errors divided
by the model's own scale. It holds for rows drawn like the training set; measured coverage is in every card. Rows
outside the domain get the larger of this quantile and the one of held-out rows that were outside.
"""

import math

import numpy as np
from numpy.typing import NDArray

from model_server.evaluate.scores import Vector

_ROUNDING = 1e-9

LEVELS: tuple[float, ...] = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95)


def conformal_quantile(scores: NDArray[np.float64], level: float, *, groups: int | None = None) -> float:
    """Smallest score that the promised share of scores does not exceed, with the finite-sample correction.

    Rows of one date or paper err together, so it is groups that are drawn anew, not rows: the share is raised from the
    level to (groups + 1) / groups of it (Dunn, Wasserman, Ramdas 2023, 10.1080/01621459.2022.2060112). Without groups
    every row is its own and the rank is ceil((n + 1) * level).

    Args:
        scores: shape (n,), or (repeats, n) where each row was scored several times. Repeats smooth the quantile
            but are not new rows, so the correction does not count them.
        level: promised coverage, 0 < level < 1.
        groups: number of groups the rows form; with so few that the corrected share exceeds 1, the largest score.

    Raises:
        ValueError: rows that are their own groups are too few; the promise would need an infinite interval.
    """
    repeats, n = np.atleast_2d(scores).shape
    count = n if groups is None else groups
    # The tolerance keeps 20 * 0.95 = 19 from becoming 20 by rounding.
    rank = math.ceil(n * (count + 1) * level / count - _ROUNDING)
    if rank > n:
        if count == n:
            raise ValueError(f"{n} calibration rows cannot promise {level:.0%}; {math.ceil(level / (1 - level))} can")
        rank = n
    return float(np.sort(scores, axis=None)[rank * repeats - 1])


def outside_quantile(
    scores: NDArray[np.float64], outside: NDArray[np.bool_], level: float, *, groups: int | None = None
) -> float:
    """Quantile for rows outside the domain: from such rows alone, never below the common one.

    Args:
        scores: shape (repeats, n).
        outside: same shape; which of them were outside the domain when they were held out.
        level: promised coverage.
        groups: number of groups the rows form.
    """
    common = conformal_quantile(scores, level, groups=groups)
    far = scores[outside]
    rows = far.size / len(scores)
    rank = math.ceil((rows + 1) * level)
    if rank > rows:
        # Too few for the promise: the largest error seen out there is the most that can be said.
        return max(common, float(far.max())) if far.size else common
    return max(common, float(np.sort(far)[min(rank * len(scores), far.size) - 1]))


def covered(actual: Vector, point: Vector, half_width: Vector) -> NDArray[np.bool_]:
    """Which rows lie inside their interval, limits included."""
    inside: NDArray[np.bool_] = np.abs(actual - point) <= half_width
    return inside
