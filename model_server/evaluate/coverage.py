"""Measure what an interval promises: repeated grouped holdouts, calibrated without the held-out compounds."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.data.compounds import grouped_folds
from model_server.evaluate.crossval import Learner, predict_out_of_fold
from model_server.evaluate.intervals import LEVELS, conformal_quantile, covered
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.registry.figures import IntervalLevel

# Chosen: one fifth held out, as in the published comparison; ten inner folds, as in the final calibration.
HOLDOUT_FOLDS = 5
INNER_FOLDS = 10


@dataclass(frozen=True)
class HoldoutOutcome:
    """One holdout: its rows, and per level which were covered and how wide the intervals were."""

    rows: NDArray[np.intp]
    inside: NDArray[np.bool_]
    widths: NDArray[np.float64]


def measure_holdout(learner: Learner, x: FeatureMatrix, y: Vector, *, groups: list[str], seed: int) -> HoldoutOutcome:
    """Hold out a fifth of the groups, calibrate on the rest by inner cross-validation, look at the held-out rows."""
    train, test = next(iter(grouped_folds(groups, HOLDOUT_FOLDS, seed)))
    inner = grouped_folds([groups[row] for row in train], INNER_FOLDS, seed)
    scores = predict_out_of_fold(learner, x[train], y[train], folds=inner, seed=seed).scores
    point, scale = learner(x[train], y[train], seed).predict(x[test])
    halves = [conformal_quantile(scores, level) * scale for level in LEVELS]
    return HoldoutOutcome(
        rows=test,
        inside=np.stack([covered(y[test], point, half) for half in halves]),
        widths=np.array([2.0 * float(half.mean()) for half in halves]),
    )


def summarise_levels(outcomes: list[HoldoutOutcome], scores: NDArray[np.float64]) -> tuple[IntervalLevel, ...]:
    """Join the final quantiles with the coverage measured over the holdouts.

    Args:
        outcomes: one per repeat.
        scores: out-of-fold scores of all compounds, shape (repeats, n); the final quantiles come from these.
    """
    levels = []
    for index, level in enumerate(LEVELS):
        shares = np.array([outcome.inside[index].mean() for outcome in outcomes])
        levels.append(
            IntervalLevel(
                level=level,
                quantile=round(conformal_quantile(scores, level), 4),
                coverage=round(float(shares.mean()), 4),
                coverage_sd=round(float(shares.std()), 4),
                width=round(float(np.mean([outcome.widths[index] for outcome in outcomes])), 2),
            )
        )
    return tuple(levels)
