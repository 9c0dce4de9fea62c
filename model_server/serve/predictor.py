"""One loaded version: feature rows in, point, interval and domain out."""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from model_server.drift.verdict import Verdict
from model_server.errors import ArtefactInvalidError, RequestRefusedError
from model_server.features.columns import FeatureMatrix
from model_server.features.molecules import library_version, parse_molecule
from model_server.features.recipes import find_recipe
from model_server.registry.card import WarmUp
from model_server.registry.folder import Release, check_feature_contract
from model_server.registry.session import FloatVector, ModelSession
from model_server.serve.domain import batch_similarity, build_domain
from model_server.serve.metrics import ServeMetrics
from model_server.serve.tally import Cell, Histogram
from model_server.serve.watch import Watch, profile_of

# Chosen: five times the parity limit of the scale; a machine that computes otherwise differs by whole units.
_WARM_UP_TOLERANCE = 0.05


class ModelName(msgspec.Struct, frozen=True):
    """Which version answered; `digest` names everything it was released with."""

    name: str
    version: str
    digest: str


class Interval(NamedTuple):
    """Limits per row, each of shape (n,), in the target's unit."""

    lower: NDArray[np.float32]
    upper: NDArray[np.float32]


class InferCounters(NamedTuple):
    """What inference counts of one version."""

    requests: Cell
    rows: Cell
    seconds: Histogram


class Level(NamedTuple):
    """Factors on the scale that make an interval of one confidence level."""

    inside: float
    outside: float


class Predictor:
    """A verified release, its session and its counters."""

    def __init__(self, release: Release, session: ModelSession, *, metrics: ServeMetrics) -> None:
        """Bind a release to its session.

        Args:
            release: verified.
            session: its graph.
            metrics: where to count.

        Raises:
            ArtefactInvalidError: this process would feed it other features than it was trained with (permanent).
        """
        card = release.card
        self.release = release
        self.card = card
        self.name = ModelName(card.model.name, card.model.version, release.digest)
        self.recipe: Any = find_recipe(card.features.recipe)
        check_feature_contract(
            card, columns=self.recipe.columns, library_version=library_version(), where=release.where
        )
        self.width = len(card.features.columns)
        self.domain = build_domain(release)
        self.levels = {level.level: Level(level.quantile, level.quantile_outside) for level in card.intervals.levels}
        low, high = card.model.lower_bound, card.model.upper_bound
        self._low, self._high = low, high
        self._session = session
        labels = (card.model.name, card.model.version)
        self.run_seconds = metrics.inference.histogram(*labels)
        self.executions = metrics.infer_executions.cell(*labels)
        self.widths = metrics.interval_width.histogram(*labels)
        self.infer = InferCounters(
            metrics.infer_requests.cell(*labels, "success", ""),
            metrics.infer_rows.cell(*labels),
            metrics.infer_seconds.histogram(*labels),
        )
        self.watch = Watch(profile_of(release, self._widths))
        self.observe = self.watch.window.observe
        self.predicted = metrics.predictions.cell(*labels)
        self.outside = metrics.out_of_domain.cell(*labels)

    def choose_level(self, asked: float | None, path: str = "confidence_level") -> float:
        """Take the asked confidence level, or the card's default.

        Raises:
            RequestRefusedError: 422 when the card has no quantile for it (permanent).
        """
        if asked is None:
            return self.card.intervals.default_level
        if asked not in self.levels:
            raise RequestRefusedError(
                f"{asked:g} was not calibrated for {self.name.name}; choose one of {list(self.levels)}",
                code="unsupported_confidence_level",
                status=422,
                path=path,
            )
        return asked

    def compute(self, x: FeatureMatrix) -> tuple[FloatVector, FloatVector]:
        """Compute point, clipped to what is possible, and scale.

        Args:
            x: shape (n, d), float32, contiguous; columns as in the card.
        """
        point, scale = self._session.run(x)
        self._clip(point)
        return point, scale

    def similarity(self, x: FeatureMatrix, fingerprints: NDArray[np.uint8] | None) -> NDArray[np.float32] | None:
        """Similarity to known ground per row; None when it cannot be told from what was sent."""
        return batch_similarity(self.domain, x, fingerprints)

    def is_inside(self, similarity: NDArray[np.float32]) -> NDArray[np.bool_]:
        """Whether rows lie in the domain."""
        return np.asarray(similarity >= self.card.domain.threshold)

    def interval(
        self, point: FloatVector, scale: FloatVector, inside: NDArray[np.bool_] | None, level: float
    ) -> Interval:
        """Make the interval of each row.

        Args:
            point: shape (n,).
            scale: shape (n,).
            inside: whether each row lies in the domain; where nobody can tell, the wider factor is used.
            level: one of `levels`.
        """
        factors = self.levels[level]
        if inside is None or factors.inside == factors.outside:
            half = scale * np.float32(factors.outside)
        else:
            half = scale * np.where(inside, np.float32(factors.inside), np.float32(factors.outside))
        lower, upper = point - half, point + half
        self._clip(lower)
        self._clip(upper)
        return Interval(lower, upper)

    def interval_of_one(self, point: float, scale: float, level: float) -> tuple[float, float]:
        """The same for a single row outside or of unknown place, without the cost that NumPy has per call."""
        half = scale * self.levels[level].outside
        lower, upper = point - half, point + half
        if self._low is not None:
            lower, upper = max(lower, self._low), max(upper, self._low)
        if self._high is not None:
            lower, upper = min(lower, self._high), min(upper, self._high)
        return lower, upper

    def judge_traffic(self) -> Verdict:
        """Compare the questions of late, and measurements, with what the card says."""
        return self.watch.verdict(self._widths)

    def _widths(self, point: FloatVector, scale: FloatVector, inside: NDArray[np.bool_]) -> NDArray[np.float64]:
        lower, upper = self.interval(point, scale, inside, self.card.intervals.default_level)
        return np.asarray(upper - lower, dtype=np.float64)

    def _clip(self, values: FloatVector) -> None:
        """Keep to what is possible, in place; np.clip takes eight times as long for one row."""
        if self._low is not None:
            np.maximum(values, self._low, out=values)
        if self._high is not None:
            np.minimum(values, self._high, out=values)

    def warm_up(self) -> None:
        """Run the card's warm-up rows and compare.

        Raises:
            ArtefactInvalidError: this machine answers differently (permanent).
        """
        for known in self.card.warm_up:
            self._compare_features(known)
            point, scale = self.compute(np.array([known.features], dtype=np.float32))
            differences = abs(float(point[0]) - known.prediction), abs(float(scale[0]) - known.scale)
            if not max(differences) <= _WARM_UP_TOLERANCE:
                raise ArtefactInvalidError(
                    f"{self.release.where}: {known.smiles or known.composition} gives {float(point[0]):.3f}, the card "
                    f"says {known.prediction:.3f}; this machine computes differently, train again with its libraries"
                )

    def _compare_features(self, known: WarmUp) -> None:
        """Check that the question of a warm-up row still leads to the row it led to in training."""
        if known.smiles is None:
            return
        row = self.recipe.row(parse_molecule(known.smiles), known.conditions)
        if not np.allclose(row, np.array(known.features, dtype=np.float32), rtol=1e-4, atol=1e-4):
            raise ArtefactInvalidError(
                f"{self.release.where}: the features of {known.smiles} are not those of the card; this machine "
                "computes differently, train again with its libraries"
            )
