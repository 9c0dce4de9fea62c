"""Prediction intervals that keep their promise: cross-conformal quantiles of scaled errors.

Source: cross-conformal prediction (Vovk 2015, 10.1007/s10472-013-9368-4) with the finite-sample rank and errors divided
by the ensemble's own scale. It holds for compounds drawn like the training set; measured coverage is in every card.
"""

import math

import numpy as np
from numpy.typing import NDArray

from model_server.evaluate.scores import Vector

LEVELS: tuple[float, ...] = (0.8, 0.9, 0.95)


def conformal_quantile(scores: NDArray[np.float64], level: float) -> float:
    """Smallest score that at least ceil((n + 1) * level) of n scores do not exceed.

    Args:
        scores: shape (n,), or (repeats, n) where each compound was scored several times. Repeats smooth the quantile
            but are not new compounds, so the rank correction uses n.
        level: promised coverage, 0 < level < 1.

    Raises:
        ValueError: n is too small for the level; the promise would need an infinite interval.
    """
    repeats, n = np.atleast_2d(scores).shape
    rank = math.ceil((n + 1) * level)
    if rank > n:
        raise ValueError(f"{n} calibration compounds cannot promise {level:.0%}; {math.ceil(level / (1 - level))} can")
    return float(np.sort(scores, axis=None)[rank * repeats - 1])


def covered(actual: Vector, point: Vector, half_width: Vector) -> NDArray[np.bool_]:
    """Which rows lie inside their interval, limits included."""
    inside: NDArray[np.bool_] = np.abs(actual - point) <= half_width
    return inside
