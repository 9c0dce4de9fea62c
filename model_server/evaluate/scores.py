"""Error figures with bootstrap intervals over rows."""

from collections.abc import Callable
from typing import Annotated

import numpy as np
from numpy.typing import NDArray

from model_server.registry.figures import PointScores, Score

Vector = Annotated[NDArray[np.float64], "n"]
Matrix = NDArray[np.float64]

# Chosen: 1,000 resamples put the 95 % limits of a mean of 300 values within 0.2 K from run to run.
RESAMPLES = 1000


def score_points(actual: Vector, predicted: Vector, seed: int, *, active_below: float | None = None) -> PointScores:
    """Score predictions of shape (n,), or of shape (repeats, n) when each row was predicted several times.

    Args:
        actual: shape (n,).
        predicted: as above; figures are means over repeats, intervals are over rows.
        seed: of the bootstrap.
        active_below: values up to this one are called active, and the AUC of finding them is reported.
    """
    predicted = np.atleast_2d(predicted)
    draws = np.random.default_rng(seed).integers(0, len(actual), size=(RESAMPLES, len(actual)))
    active = None if active_below is None else actual <= active_below
    return PointScores(
        mae=bootstrap_mean(np.abs(predicted - actual).mean(axis=0), seed),
        rmse=_bootstrap(lambda rows: _rmse(actual[rows], predicted[:, rows]), draws),
        r2=_bootstrap(lambda rows: _r2(actual[rows], predicted[:, rows]), draws),
        spearman=_bootstrap(lambda rows: _spearman(actual[rows], predicted[:, rows]), draws[: RESAMPLES // 5]),
        auc=None
        if active is None or active.all() or not active.any()
        else _bootstrap(lambda rows: _auc(active[rows], predicted[:, rows]), draws[: RESAMPLES // 5]),
    )


def bootstrap_mean(values: Vector, seed: int) -> Score:
    """Mean of per-row values with a percentile interval; rows are resampled, not repeats."""
    rng = np.random.default_rng(seed)
    draws = rng.integers(0, len(values), size=(RESAMPLES, len(values)))
    low, high = np.quantile(values[draws].mean(axis=1), (0.025, 0.975))
    return Score(round(float(values.mean()), 4), round(float(low), 4), round(float(high), 4))


def area_under_curve(active: NDArray[np.bool_], predicted: Vector) -> float:
    """Share of (active, inactive) pairs in which the active row has the smaller prediction, ties counting half."""
    ranks = _ranks(-predicted)
    positives = int(active.sum())
    pairs = positives * (len(active) - positives)
    return float((ranks[active].sum() - positives * (positives + 1) / 2.0) / pairs)


def _bootstrap(figure: Callable[[NDArray[np.intp]], float], draws: NDArray[np.intp]) -> Score:
    whole = figure(np.arange(draws.shape[1]))
    found = np.array([figure(rows) for rows in draws])
    # A resample may hold one class alone, or no two different values; it says nothing and is left out.
    low, high = np.quantile(found[np.isfinite(found)], (0.025, 0.975))
    return Score(round(whole, 4), round(float(low), 4), round(float(high), 4))


def _rmse(actual: Vector, predicted: Matrix) -> float:
    return float(np.sqrt(np.square(predicted - actual).mean()))


def _r2(actual: Vector, predicted: Matrix) -> float:
    total = float(np.square(actual - actual.mean()).mean())
    return 1.0 - float(np.square(predicted - actual).mean()) / total if total > 0 else np.nan


def _auc(active: NDArray[np.bool_], predicted: Matrix) -> float:
    if active.all() or not active.any():
        return np.nan
    return float(np.mean([area_under_curve(active, row) for row in predicted]))


def _spearman(actual: Vector, predicted: Matrix) -> float:
    ranks = _ranks(actual)
    others = [_ranks(row) for row in predicted]
    if not ranks.std() or any(not other.std() for other in others):
        return 0.0
    return float(np.mean([np.corrcoef(ranks, other)[0, 1] for other in others]))


def _ranks(values: Vector) -> Vector:
    """Average ranks, so that ties do not depend on row order."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: Vector = (last - (counts - 1) / 2.0)[inverse]
    return ranks
