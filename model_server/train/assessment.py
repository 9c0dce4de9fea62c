"""Assess a learner on samples: accuracy, intervals, domain, importance; every figure from rows held out."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.data.samples import Samples
from model_server.data.splits import Split
from model_server.evaluate.coverage import Bounds, Question, measure_holdout, summarise_levels
from model_server.evaluate.crossval import Learner, OutOfFold, median_baseline, predict_out_of_fold
from model_server.evaluate.domain import Measure, band_errors, held_out_similarity, split_error
from model_server.evaluate.importance import permutation_importance
from model_server.evaluate.intervals import outside_quantile
from model_server.evaluate.scores import score_points
from model_server.evaluate.verdict import check_gates, compare_with_baselines, ratio_baseline
from model_server.features.columns import Column, FeatureMatrix
from model_server.registry.card import Evaluation
from model_server.registry.figures import DomainBand, Importance, IntervalLevel, SplitScores
from model_server.train.catalogue import ModelPlan

DEFAULT_LEVEL = 0.9
# Chosen: repeats use seeds this far apart, so that fold seeds of neighbouring repeats never coincide.
SEED_STRIDE = 1000
# Chosen: the other splits are for comparison; two repeats put their mean within half a kelvin.
_OTHER_REPEATS = 2
_IMPORTANCE_PARTS = 5


@dataclass(frozen=True)
class Prepared:
    """Samples with their features, row by row, and how similarity between rows is measured."""

    plan: ModelPlan
    samples: Samples
    columns: tuple[Column, ...]
    x: FeatureMatrix
    measure: Measure

    @property
    def bounds(self) -> Bounds:
        """Limits of the target."""
        return Bounds(*self.plan.bounds)


@dataclass(frozen=True)
class DomainFigures:
    """What was measured inside and outside the domain."""

    inside: float | None
    outside: float | None
    coverage_outside: float | None
    bands: tuple[DomainBand, ...]


@dataclass(frozen=True)
class PrimaryRun:
    """Repeated cross-validation on the primary split: the source of intervals, domain and points."""

    outcomes: tuple[OutOfFold, ...]
    similarity: NDArray[np.float64]

    @property
    def points(self) -> NDArray[np.float64]:
        """Predictions, shape (repeats, n)."""
        return np.stack([outcome.point for outcome in self.outcomes])

    @property
    def scores(self) -> NDArray[np.float64]:
        """Errors in units of the scale, shape (repeats, n)."""
        return np.stack([outcome.scores for outcome in self.outcomes])


def run_primary(learner: Learner, prepared: Prepared, *, seed: int, repeats: int) -> PrimaryRun:
    """Predict every row while it is held out, repeatedly."""
    samples, seeds = prepared.samples, _seeds(seed, repeats)
    outcomes = [_clipped(_predict(learner, prepared, samples.primary, each), prepared.bounds) for each in seeds]
    similarity = [held_out_similarity(prepared.measure, len(samples), samples.primary.folds(each)) for each in seeds]
    return PrimaryRun(tuple(outcomes), np.stack(similarity))


def evaluate_points(learner: Learner, prepared: Prepared, run: PrimaryRun, *, seed: int) -> Evaluation:
    """Score the primary split and the others, and compare with what needs no training."""
    samples, plan, y = prepared.samples, prepared.plan, prepared.samples.values
    splits = []
    for split in samples.splits:
        primary = split is samples.primary
        seeds = _seeds(seed, len(run.outcomes) if primary else _OTHER_REPEATS)
        points = (
            run.points
            if primary
            else np.stack([_clipped(_predict(learner, prepared, split, each), prepared.bounds).point for each in seeds])
        )
        baselines = _baselines(prepared, split, seeds)
        splits.append(
            SplitScores(
                name=split.rule.name,
                rule=split.rule.reason,
                primary=primary,
                folds=sum(1 for _ in split.folds(seed)),
                repeats=len(seeds),
                model=score_points(y, points, seed, active_below=plan.active_below),
                baselines={
                    name: score_points(y, found, seed, active_below=plan.active_below)
                    for name, found in baselines.items()
                },
            )
        )
    baselines = _baselines(prepared, samples.primary, _seeds(seed, len(run.outcomes)))
    better, because = compare_with_baselines(
        np.abs(run.points - y).mean(axis=0),
        {name: np.abs(found - y).mean(axis=0) for name, found in baselines.items()},
        unit=samples.target.unit or "1",
        seed=seed,
    )
    gates = check_gates(plan.wanted, splits)
    return Evaluation(tuple(splits), better, because, gates, promotable=better)


def assess_intervals(
    learner: Learner, prepared: Prepared, run: PrimaryRun, *, seed: int, holdouts: int
) -> tuple[IntervalLevel, ...]:
    """Take final quantiles from the primary run and measure coverage on holdouts."""
    samples = prepared.samples
    question = Question(
        prepared.x, samples.values, samples.primary, prepared.measure, prepared.plan.threshold, prepared.bounds
    )
    # A rule that holds groups out alone has as many holdouts as groups; fewer would leave some of them unasked.
    count = max(holdouts, sum(1 for _ in samples.primary.folds(seed))) if not samples.primary.rule.folds else holdouts
    measured = [
        measure_holdout(learner, question, seed=seed + SEED_STRIDE * number, index=number) for number in range(count)
    ]
    groups = samples.primary.count_groups(np.arange(len(samples)))
    return summarise_levels(measured, run.scores, run.similarity < prepared.plan.threshold, groups=groups)


def assess_domain(prepared: Prepared, run: PrimaryRun) -> DomainFigures:
    """Compare errors inside and outside the domain."""
    threshold = prepared.plan.threshold
    errors = np.stack([outcome.errors for outcome in run.outcomes])
    inside, outside = split_error(run.similarity, errors, threshold)
    far = run.similarity < threshold
    groups = prepared.samples.primary.count_groups(np.arange(len(prepared.samples)))
    kept = run.scores[far] <= outside_quantile(run.scores, far, DEFAULT_LEVEL, groups=groups)
    return DomainFigures(
        inside, outside, round(float(kept.mean()), 4) if kept.size else None, band_errors(run.similarity, errors)
    )


def assess_importance(learner: Learner, prepared: Prepared, *, seed: int) -> tuple[Importance, ...]:
    """Shuffle columns of held-out fifths."""
    samples = prepared.samples
    folds = [samples.primary.holdout(seed, _IMPORTANCE_PARTS, number) for number in range(_IMPORTANCE_PARTS)]
    return permutation_importance(learner, prepared.x, samples.values, prepared.columns, folds=folds, seed=seed)


def _seeds(seed: int, repeats: int) -> list[int]:
    return [seed + SEED_STRIDE * repeat for repeat in range(repeats)]


def _predict(learner: Learner, prepared: Prepared, split: Split, seed: int) -> OutOfFold:
    return predict_out_of_fold(learner, prepared.x, prepared.samples.values, folds=split.folds(seed), seed=seed)


def _clipped(outcome: OutOfFold, bounds: Bounds) -> OutOfFold:
    lower = -np.inf if bounds.lower is None else bounds.lower
    upper = np.inf if bounds.upper is None else bounds.upper
    return OutOfFold(outcome.actual, np.clip(outcome.point, lower, upper), outcome.scale)


def _baselines(prepared: Prepared, split: Split, seeds: list[int]) -> dict[str, NDArray[np.float64]]:
    y, plan = prepared.samples.values, prepared.plan
    found = {"median": np.stack([median_baseline(y, split.folds(each)) for each in seeds])}
    if plan.ratio is not None:
        name, factor = plan.ratio
        given = np.array([conditions[name] for conditions in prepared.samples.conditions])
        found[f"{factor:g} x {name}"] = np.atleast_2d(ratio_baseline(given, factor))
    return found
