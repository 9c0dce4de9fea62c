import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.evaluate.scores import area_under_curve, bootstrap_mean, score_points

ACTUAL = np.array([100.0, 150.0, 200.0, 250.0, 300.0])


def test_perfect_prediction_scores_perfectly():
    scores = score_points(ACTUAL, ACTUAL, seed=1, active_below=150.0)

    assert (scores.mae.value, scores.rmse.value, scores.r2.value, scores.spearman.value) == (0.0, 0.0, 1.0, 1.0)
    assert scores.auc.value == 1.0


def test_constant_shift_is_its_own_error():
    scores = score_points(ACTUAL, ACTUAL + 10.0, seed=1)

    assert scores.mae.value == 10.0
    assert scores.rmse.value == 10.0
    assert scores.r2.value == pytest.approx(1.0 - 100.0 / 5000.0)
    assert scores.auc is None


def test_predicting_the_mean_explains_nothing():
    found = score_points(ACTUAL, np.full(5, ACTUAL.mean()), seed=1)

    assert found.r2.value == 0.0
    assert found.spearman.value == 0.0


def test_reversed_order_has_rank_correlation_minus_one():
    assert score_points(ACTUAL, ACTUAL[::-1].copy(), seed=1).spearman.value == -1.0


def test_ties_share_their_rank():
    """By hand: ranks 1.5, 1.5, 3, 4 against 1, 2, 3, 4 correlate with 4.5 / sqrt(4.5 * 5)."""
    scores = score_points(np.array([1.0, 2.0, 3.0, 4.0]), np.array([5.0, 5.0, 6.0, 7.0]), seed=1)

    assert scores.spearman.value == pytest.approx(0.9487)


@pytest.mark.parametrize(
    ("predicted", "expected"),
    [
        pytest.param([1.0, 2.0, 3.0, 4.0], 1.0, id="active rows lowest"),
        pytest.param([4.0, 3.0, 2.0, 1.0], 0.0, id="active rows highest"),
        pytest.param([1.0, 1.0, 1.0, 1.0], 0.5, id="all the same"),
        pytest.param([1.0, 3.0, 2.0, 4.0], 0.75, id="one pair wrong"),
    ],
)
def test_area_under_the_curve_counts_pairs(predicted, expected):
    active = np.array([True, True, False, False])

    assert area_under_curve(active, np.array(predicted)) == expected


def test_repeats_are_averaged_per_row_before_resampling():
    repeats = np.stack([ACTUAL + 10.0, ACTUAL - 30.0])

    mae = score_points(ACTUAL, repeats, seed=1).mae

    assert (mae.value, mae.low, mae.high) == (20.0, 20.0, 20.0)


@given(st.lists(st.floats(0, 1000), min_size=2, max_size=60), st.integers(0, 100))
def test_interval_encloses_the_mean_and_stays_within_the_values(values, seed):
    score = bootstrap_mean(np.array(values), seed)

    assert min(values) - 1e-3 <= score.low <= score.high <= max(values) + 1e-3
    assert bootstrap_mean(np.array(values), seed) == score


def test_interval_narrows_with_more_rows():
    values = np.random.default_rng(0).exponential(10.0, size=800)

    few, many = bootstrap_mean(values[:50], 1), bootstrap_mean(values, 1)

    assert many.high - many.low < few.high - few.low
