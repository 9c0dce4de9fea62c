"""Measure what an interval promises: repeated grouped holdouts, calibrated without the held-out rows."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.data.splits import Split
from model_server.evaluate.crossval import Learner, predict_out_of_fold
from model_server.evaluate.domain import Measure, held_out_similarity
from model_server.evaluate.intervals import LEVELS, conformal_quantile, covered, outside_quantile
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.registry.figures import IntervalLevel

# Chosen: one fifth of the groups held out, as in the published comparison.
HOLDOUT_PARTS = 5


@dataclass(frozen=True)
class Bounds:
    """Physical limits of the target; intervals are clipped to them, which never costs coverage."""

    lower: float | None
    upper: float | None

    def width(self, point: Vector, half: Vector) -> Vector:
        """Full width of the clipped interval."""
        low = point - half if self.lower is None else np.maximum(point - half, self.lower)
        high = point + half if self.upper is None else np.minimum(point + half, self.upper)
        width: Vector = np.maximum(high - low, 0.0)
        return width


@dataclass(frozen=True)
class Question:
    """What is measured: rows, values, the split they are held out by, and how similarity is measured."""

    x: FeatureMatrix
    y: Vector
    split: Split
    measure: Measure
    threshold: float
    bounds: Bounds


@dataclass(frozen=True)
class HoldoutOutcome:
    """One holdout: its rows, and per level which were covered and how wide the intervals were."""

    rows: NDArray[np.intp]
    inside: NDArray[np.bool_]
    widths: NDArray[np.float64]


def measure_holdout(learner: Learner, question: Question, *, seed: int, index: int) -> HoldoutOutcome:
    """Hold out a fifth of the groups (or one, where the rule says so), calibrate on the rest, look at these rows.

    Args:
        learner: trains.
        question: rows and how they are split.
        seed: of the division and of the learner.
        index: which part of the division is held out.
    """
    x, y, split = question.x, question.y, question.split
    train, test = split.holdout(seed, HOLDOUT_PARTS, index)
    inner = list(split.inner_folds(train, seed))
    scores = predict_out_of_fold(learner, x[train], y[train], folds=inner, seed=seed).scores
    similarity = held_out_similarity(
        lambda known, asked: question.measure(train[known], train[asked]), len(train), inner
    )
    far = similarity < question.threshold
    outside = question.measure(train, test) < question.threshold
    point, scale = learner(x[train], y[train], seed).predict(x[test])
    groups = split.count_groups(train)
    halves = [
        np.where(
            outside,
            outside_quantile(scores[None], far[None], level, groups=groups),
            conformal_quantile(scores, level, groups=groups),
        )
        * scale
        for level in LEVELS
    ]
    return HoldoutOutcome(
        rows=test,
        inside=np.stack([covered(y[test], point, half) for half in halves]),
        widths=np.array([float(question.bounds.width(point, half).mean()) for half in halves]),
    )


def summarise_levels(
    outcomes: list[HoldoutOutcome], scores: NDArray[np.float64], far: NDArray[np.bool_], *, groups: int
) -> tuple[IntervalLevel, ...]:
    """Join the final quantiles with the coverage measured over the holdouts.

    Args:
        outcomes: one per repeat.
        scores: out-of-fold scores of all rows, shape (repeats, n); the final quantiles come from these.
        far: which of them were outside the domain; same shape.
        groups: number of groups the rows form.
    """
    levels = []
    for index, level in enumerate(LEVELS):
        shares = np.array([outcome.inside[index].mean() for outcome in outcomes])
        rows = np.array([len(outcome.rows) for outcome in outcomes])
        levels.append(
            IntervalLevel(
                level=level,
                quantile=round(conformal_quantile(scores, level, groups=groups), 4),
                quantile_outside=round(outside_quantile(scores, far, level, groups=groups), 4),
                coverage=round(float(np.average(shares, weights=rows)), 4),
                coverage_sd=round(float(shares.std()), 4),
                width=round(float(np.mean([outcome.widths[index] for outcome in outcomes])), 2),
            )
        )
    return tuple(levels)
