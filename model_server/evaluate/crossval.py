"""Predictions for rows a model has not seen: repeated grouped cross-validation."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from model_server.data.splits import Fold
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix


class Fitted(Protocol):
    """A trained model as evaluation sees it."""

    def predict(self, x: FeatureMatrix) -> tuple[Vector, Vector]:
        """Point and scale per row, both in the target's unit; scale > 0 grows with the model's own doubt."""
        ...


Learner = Callable[[FeatureMatrix, Vector, int], Fitted]


@dataclass(frozen=True)
class OutOfFold:
    """Predictions made while the row was held out; each of shape (n,)."""

    actual: Vector
    point: Vector
    scale: Vector

    @property
    def errors(self) -> Vector:
        """Absolute errors."""
        errors: Vector = np.abs(self.point - self.actual)
        return errors

    @property
    def scores(self) -> Vector:
        """Absolute error in units of the model's own scale: what conformal quantiles are taken of."""
        scores: Vector = self.errors / self.scale
        return scores


def predict_out_of_fold(
    learner: Learner, x: FeatureMatrix, y: Vector, *, folds: Iterable[Fold], seed: int
) -> OutOfFold:
    """Predict every row with a model that did not see its fold."""
    point = np.full(len(y), np.nan)
    scale = np.full(len(y), np.nan)
    for number, (train, test) in enumerate(folds):
        point[test], scale[test] = learner(x[train], y[train], seed + number).predict(x[test])
    if not np.isfinite(point).all():
        raise ValueError(f"the folds leave {int(np.isnan(point).sum())} rows untested")
    return OutOfFold(actual=y, point=point, scale=scale)


def median_baseline(y: Vector, folds: Iterable[Fold]) -> Vector:
    """Predict every row by the median of its training fold: what any model has to beat."""
    point = np.full(len(y), np.nan)
    for train, test in folds:
        point[test] = np.median(y[train])
    return point
