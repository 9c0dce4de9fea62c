"""What the released learner was chosen over: the same rows and folds, other learners and other columns."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from rdkit.Chem import Descriptors
from sklearn.ensemble import (
    ExtraTreesRegressor,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
    StackingRegressor,
)
from sklearn.linear_model import RidgeCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVR

from model_server.data.samples import Samples
from model_server.evaluate.crossval import Learner, predict_out_of_fold
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.features.groups import count_groups
from model_server.features.molecules import Molecule
from model_server.features.recipes import compress
from model_server.train.assessment import Prepared
from model_server.train.blend import blend_learner


@dataclass(frozen=True)
class _Plain:
    """A scikit-learn model as evaluation sees it; it has no scale of its own."""

    model: Any

    def predict(self, x: FeatureMatrix) -> tuple[Vector, Vector]:
        point: Vector = self.model.predict(x)
        return point, np.ones(len(x))


def plain_learners() -> dict[str, Learner]:
    """Return learners by name, untuned, each with 100 trees where it has trees."""
    makers: dict[str, Callable[[int], Any]] = {
        "extra trees": lambda seed: ExtraTreesRegressor(100, min_samples_leaf=2, random_state=seed),
        "random forest": lambda seed: RandomForestRegressor(100, min_samples_leaf=2, random_state=seed),
        "histogram boosting": lambda seed: HistGradientBoostingRegressor(
            max_iter=100, learning_rate=0.08, min_samples_leaf=5, random_state=seed
        ),
        "median boosting": lambda seed: HistGradientBoostingRegressor(
            loss="quantile", quantile=0.5, max_iter=100, learning_rate=0.08, min_samples_leaf=5, random_state=seed
        ),
        "support vectors": lambda _seed: make_pipeline(StandardScaler(), SVR(C=100.0, epsilon=3.0)),
        "stack": lambda seed: StackingRegressor(
            [
                ("trees", ExtraTreesRegressor(50, min_samples_leaf=2, random_state=seed)),
                ("vectors", make_pipeline(StandardScaler(), SVR(C=100.0, epsilon=3.0))),
            ],
            final_estimator=RidgeCV(),
        ),
    }
    return {name: _learner(make) for name, make in makers.items()}


def compare_learners(prepared: Prepared, smooth: int, *, seed: int) -> dict[str, float]:
    """Mean absolute error of each learner in one run over the primary split, in the target's unit."""
    blend = prepared.plan.blend
    learners = {"released": blend_learner(blend, smooth), **plain_learners()}
    return {name: _error(learner, prepared.x, prepared.samples, seed) for name, learner in learners.items()}


def compare_columns(prepared: Prepared, smooth: int, *, seed: int) -> dict[str, float]:
    """Mean absolute error of extra trees on the released columns, group counts and all descriptors of the library."""
    molecules = [given for given in prepared.samples.inputs if isinstance(given, Molecule)]
    learner = plain_learners()["extra trees"]
    found = {"released columns": prepared.x, "released without fragments": prepared.x[:, :smooth]}
    if molecules:
        counts = np.array([count_groups(molecule) for molecule in molecules], dtype=np.float32)
        found["group counts"] = counts
        found["all library descriptors"] = _all_descriptors(molecules)
    return {name: _error(learner, x, prepared.samples, seed) for name, x in found.items()}


def _learner(make: Callable[[int], Any]) -> Learner:
    def learn(x: FeatureMatrix, y: Vector, seed: int) -> _Plain:
        return _Plain(make(seed).fit(x, y))

    return learn


def _error(learner: Learner, x: FeatureMatrix, samples: Samples, seed: int) -> float:
    folds = samples.primary.folds(seed)
    return round(float(predict_out_of_fold(learner, x, samples.values, folds=folds, seed=seed).errors.mean()), 2)


def _all_descriptors(molecules: list[Molecule]) -> FeatureMatrix:
    rows = np.array([[compute(molecule.mol) for _, compute in Descriptors.descList] for molecule in molecules])
    finite = rows[:, np.isfinite(rows).all(axis=0)]
    compressed: FeatureMatrix = compress(finite).astype(np.float32)
    return compressed
