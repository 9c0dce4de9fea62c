"""The learner behind every model: trees, a Gaussian process, or a weighted mean of both, with one scale of doubt."""

from dataclasses import dataclass, field

import numpy as np

from model_server.evaluate.crossval import Learner
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.train.forest import FittedForest, ForestSettings, fit_forest
from model_server.train.kernel import FittedKernel, fit_kernel


@dataclass(frozen=True)
class BlendSettings:
    """What a blend is made of.

    Args:
        share: weight of the trees; 1 leaves the process out.
        scale_floor: in the target's unit; added in quadrature, so that where both agree the interval stays honest.
        forest: settings of the trees.
        forest_sees_counts: whether the trees get the counts; Tg is 0.1 K better without, glycosides 0.5 % with.
    """

    share: float
    scale_floor: float
    forest: ForestSettings = field(default_factory=ForestSettings)
    forest_sees_counts: bool = True


@dataclass(frozen=True)
class FittedBlend:
    """A trained blend; `kernel` is absent when the trees have the whole weight."""

    settings: BlendSettings
    forest: FittedForest
    kernel: FittedKernel | None
    forest_columns: int

    def predict(self, x: FeatureMatrix) -> tuple[Vector, Vector]:
        """Point per row, and the root of the summed variances of trees, process and floor."""
        share, floor = self.settings.share, self.settings.scale_floor
        point, deviation = self.forest.predict(x[:, : self.forest_columns])
        variance = np.square(deviation) + floor**2
        if self.kernel is not None:
            other, doubt = self.kernel.predict(x)
            point = share * point + (1.0 - share) * other
            variance = variance + np.square(doubt)
        scale: Vector = np.sqrt(variance)
        return point, scale


def fit_blend(x: FeatureMatrix, y: Vector, *, seed: int, smooth: int, settings: BlendSettings) -> FittedBlend:
    """Train on features of shape (n, d), the first `smooth` of which are compared by distance."""
    columns = x.shape[1] if settings.forest_sees_counts else smooth
    forest = fit_forest(x[:, :columns], y, seed=seed, settings=settings.forest)
    kernel = fit_kernel(x, y, smooth=smooth) if settings.share < 1.0 else None
    return FittedBlend(settings, forest, kernel, columns)


def blend_learner(settings: BlendSettings, smooth: int) -> Learner:
    """Bind hyperparameters, leaving what cross-validation varies."""

    def learn(x: FeatureMatrix, y: Vector, seed: int) -> FittedBlend:
        return fit_blend(x, y, seed=seed, smooth=smooth, settings=settings)

    return learn
