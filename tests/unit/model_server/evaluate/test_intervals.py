import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from model_server.data.manifest import SplitRule
from model_server.data.splits import Split, grouped_folds
from model_server.evaluate.coverage import Bounds, Question, measure_holdout, summarise_levels
from model_server.evaluate.crossval import median_baseline, predict_out_of_fold
from model_server.evaluate.domain import (
    band_errors,
    fit_neighbourhood,
    held_out_similarity,
    neighbour_measure,
    split_error,
    tanimoto_measure,
)
from model_server.evaluate.intervals import LEVELS, conformal_quantile, covered, outside_quantile
from model_server.features.fingerprints import pack_fingerprints
from model_server.features.molecules import parse_molecule


class ConstantModel:
    """Predicts the training mean with a fixed scale: errors are then those of the data alone."""

    def __init__(self, mean: float) -> None:
        self.mean = mean

    def predict(self, x):
        return np.full(len(x), self.mean), np.full(len(x), 2.0)


def constant_learner(_x, y, _seed):
    return ConstantModel(float(y.mean()))


def always_near(_train, test):
    return np.ones(len(test))


def question(x, y, *, folds: int = 10, measure=always_near, bounds=Bounds(None, None)) -> Question:  # noqa: B008 - immutable
    labels = tuple(frozenset((str(n),)) for n in range(len(y)))
    rule = SplitRule("compound", "structure", "repeats", folds)
    return Question(x, y, Split(rule, labels), measure, 0.3, bounds)


def test_quantile_uses_the_finite_sample_rank():
    scores = np.arange(1.0, 20.0)

    assert conformal_quantile(scores, 0.9) == 18.0
    assert conformal_quantile(scores, 0.8) == 16.0
    assert conformal_quantile(scores, 0.95) == 19.0


def test_too_few_rows_cannot_make_the_promise():
    with pytest.raises(ValueError, match="18 calibration rows cannot promise 95%; 19 can"):
        conformal_quantile(np.arange(18.0), 0.95)


def test_repeats_do_not_pass_for_more_rows():
    scores = np.tile(np.arange(1.0, 20.0), (5, 1))

    assert conformal_quantile(scores, 0.9) == 18.0


@given(arrays(np.float64, st.integers(20, 120), elements=st.floats(0, 1e6)))
def test_quantile_covers_at_least_the_promised_share_and_grows_with_the_level(scores):
    quantiles = [conformal_quantile(scores, level) for level in LEVELS]

    assert quantiles == sorted(quantiles)
    for level, quantile in zip(LEVELS, quantiles, strict=True):
        assert (scores <= quantile).mean() >= level


@given(
    scores=arrays(np.float64, (2, 40), elements=st.floats(0, 1e3)),
    outside=arrays(np.bool_, (2, 40)),
    level=st.sampled_from(LEVELS),
)
def test_quantile_outside_the_domain_is_never_the_smaller_one(scores, outside, level):
    assert outside_quantile(scores, outside, level) >= conformal_quantile(scores, level)


def test_rows_that_err_together_count_as_groups():
    scores = np.arange(1.0, 101.0)

    assert conformal_quantile(scores, 0.8) == 81.0
    assert conformal_quantile(scores, 0.8, groups=10) == 88.0
    assert conformal_quantile(scores, 0.95, groups=10) == 100.0


@settings(max_examples=3, deadline=None)
@given(st.integers(0, 100))
def test_promise_holds_for_a_new_group_when_groups_err_together(seed):
    """It should be kept over new groups, because counting rows alone would fall short by several points."""
    rng = np.random.default_rng(seed)
    inside = []
    for _ in range(300):
        spread = rng.uniform(0.2, 3.0, size=11)
        errors = np.abs(rng.normal(size=(11, 8))) * spread[:, None]
        inside.append((errors[-1] <= conformal_quantile(errors[:-1].ravel(), 0.8, groups=10)).mean())

    assert np.mean(inside) >= 0.77


def test_limits_count_as_inside():
    assert covered(np.array([1.0, 3.1]), np.array([2.0, 2.0]), np.array([1.0, 1.0])).tolist() == [True, False]


def test_width_of_a_clipped_interval_ends_at_the_limits():
    bounds = Bounds(0.0, 100.0)

    assert bounds.width(np.array([10.0, 50.0, 95.0]), np.array([20.0, 20.0, 20.0])).tolist() == [30.0, 40.0, 25.0]


@settings(max_examples=5, deadline=None)
@given(st.integers(0, 1000))
def test_measured_coverage_keeps_its_promise_on_exchangeable_data(seed):
    rng = np.random.default_rng(seed)
    y = rng.normal(200.0, 40.0, size=300)
    asked = question(np.zeros((300, 1), dtype=np.float32), y)

    outcomes = [measure_holdout(constant_learner, asked, seed=s, index=s) for s in range(12)]
    scores = predict_out_of_fold(constant_learner, asked.x, y, folds=asked.split.folds(seed), seed=seed).scores[None]
    levels = summarise_levels(outcomes, scores, np.zeros_like(scores, dtype=bool), groups=300)

    for level in levels:
        assert level.level - 0.07 <= level.coverage <= level.level + 0.07
    assert sorted(level.width for level in levels) == [level.width for level in levels]


def test_held_out_rows_are_not_in_their_own_calibration():
    seen = []

    def spying_learner(x, y, seed):
        seen.append(set(x[:, 0].tolist()))
        return constant_learner(x, y, seed)

    x = np.arange(100, dtype=np.float32)[:, np.newaxis]
    outcome = measure_holdout(spying_learner, question(x, x[:, 0].astype(float)), seed=1, index=2)

    held_out = set(outcome.rows.astype(float).tolist())
    assert len(held_out) == 20
    assert all(not held_out & rows for rows in seen)


def test_out_of_fold_prediction_never_sees_its_own_value():
    y = np.array([0.0, 0.0, 0.0, 90.0])
    folds = list(grouped_folds(["a", "b", "c", "d"], 4, seed=0))

    outcome = predict_out_of_fold(constant_learner, np.zeros((4, 1), np.float32), y, folds=folds, seed=0)

    assert outcome.point.tolist() == [30.0, 30.0, 30.0, 0.0]
    assert outcome.scores.tolist() == [15.0, 15.0, 15.0, 45.0]
    assert median_baseline(y, folds).tolist() == [0.0, 0.0, 0.0, 0.0]


def test_folds_that_forget_a_row_are_refused():
    folds = [(np.array([1]), np.array([0]))]

    with pytest.raises(ValueError, match="1 rows untested"):
        predict_out_of_fold(constant_learner, np.zeros((2, 1), np.float32), np.zeros(2), folds=folds, seed=0)


def test_held_out_similarity_looks_at_the_training_side_only():
    packed = pack_fingerprints([parse_molecule(s) for s in ("CCO", "CCO", "c1ccccc1")])
    folds = [(np.array([1, 2]), np.array([0])), (np.array([0]), np.array([1, 2]))]

    similarity = held_out_similarity(tanimoto_measure(packed), 3, folds)

    assert similarity.tolist() == [1.0, 1.0, 0.0]


def test_neighbourhood_is_standardised_by_training_rows_alone():
    x = np.array([[0, 5], [1, 5], [2, 5], [1000, 5]], np.float32)

    near, far = neighbour_measure(x, neighbours=1)(np.array([0, 1, 2]), np.array([1, 3]))

    assert near == 1.0
    assert far < 0.01
    assert fit_neighbourhood(x, neighbours=1).axes == (0,)


def test_errors_are_averaged_per_similarity_band_and_per_repeat():
    similarity = np.array([[0.1, 0.4, 1.0], [0.1, 0.4, 1.0]])
    errors = np.array([[30.0, 20.0, 5.0], [50.0, 20.0, 5.0]])

    bands = band_errors(similarity, errors)

    assert [(band.compounds, band.mae) for band in bands] == [(1.0, 40.0), (1.0, 20.0), (0.0, None), (1.0, 5.0)]
    assert split_error(similarity, errors, 0.3) == (12.5, 40.0)
    assert split_error(similarity, errors, 0.0) == (21.67, None)
