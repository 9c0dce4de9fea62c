"""Search hyperparameters with Optuna, inside folds that the caller made; what it finds is never scored on them.

The nested estimate is `nested_predictions`: the search runs on the training side of every outer fold, so the outer
score pays for it. With fewer than 400 rows a long search finds the noise of its own folds; 50 trials are the limit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import numpy as np
import optuna

from model_server.data.splits import Fold, Split
from model_server.evaluate.crossval import OutOfFold, predict_out_of_fold
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.train.blend import BlendSettings, blend_learner
from model_server.train.forest import ForestSettings

# Chosen: within a search small forests rank settings as large ones do, at a third of the time.
_SEARCH_TREES = 40


def search_settings(  # noqa: PLR0913 - data, folds and the limits of a search
    x: FeatureMatrix,
    y: Vector,
    *,
    folds: Sequence[Fold],
    smooth: int,
    start: BlendSettings,
    trials: int,
    seed: int,
) -> BlendSettings:
    """Find the settings with the smallest mean absolute error over the folds; the start is the first trial."""
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="minimize", sampler=optuna.samplers.TPESampler(seed=seed))
    study.enqueue_trial(
        {
            "share": start.share,
            "min_samples_leaf": start.forest.min_samples_leaf,
            "max_features": start.forest.max_features,
        }
    )

    def measure(trial: optuna.Trial) -> float:
        chosen = _suggest(trial, start)
        small = replace(chosen, forest=replace(chosen.forest, trees=_SEARCH_TREES))
        outcome = predict_out_of_fold(blend_learner(small, smooth), x, y, folds=folds, seed=seed)
        return float(outcome.errors.mean())

    study.optimize(measure, n_trials=trials, n_jobs=1)
    found = study.best_params
    return _settings(start, found["share"], found["min_samples_leaf"], found["max_features"])


def nested_predictions(  # noqa: PLR0913 - as above
    x: FeatureMatrix, y: Vector, *, split: Split, smooth: int, start: BlendSettings, trials: int, seed: int
) -> OutOfFold:
    """Predict every row with settings that were searched without its fold."""
    point, scale = np.full(len(y), np.nan), np.full(len(y), np.nan)
    for number, (train, test) in enumerate(_outer(split, seed)):
        inner = list(split.inner_folds(train, seed + number))
        chosen = search_settings(
            x[train], y[train], folds=inner, smooth=smooth, start=start, trials=trials, seed=seed + number
        )
        point[test], scale[test] = blend_learner(chosen, smooth)(x[train], y[train], seed + number).predict(x[test])
    return OutOfFold(y, point, scale)


def _outer(split: Split, seed: int) -> Iterable[Fold]:
    return split.folds(seed)


def _suggest(trial: optuna.Trial, start: BlendSettings) -> BlendSettings:
    share = start.share if start.share >= 1.0 else trial.suggest_float("share", 0.0, 1.0, step=0.1)
    if start.share >= 1.0:
        trial.suggest_float("share", 1.0, 1.0)
    leaf = trial.suggest_int("min_samples_leaf", 1, 8)
    return _settings(start, share, leaf, trial.suggest_float("max_features", 0.2, 1.0, step=0.1))


def _settings(start: BlendSettings, share: float, leaf: int, features: float) -> BlendSettings:
    forest = ForestSettings(start.forest.trees, leaf, max(2, start.forest.min_samples_split), round(features, 2))
    return replace(start, share=round(share, 2), forest=forest)
