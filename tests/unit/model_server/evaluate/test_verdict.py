import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.errors import ArtefactInvalidError, SettingInvalidError
from model_server.evaluate.importance import permutation_importance, reference_distributions
from model_server.evaluate.verdict import check_promises, compare_with_baselines
from model_server.features.columns import Column
from model_server.registry.card import Point
from model_server.registry.comparison import compare_points
from model_server.registry.figures import IntervalLevel
from model_server.registry.validation import Observed, validate_rows

ERRORS = np.random.default_rng(0).exponential(10.0, size=200)


def test_clearly_smaller_errors_beat_the_baseline():
    better, because = compare_with_baselines(ERRORS, {"median": ERRORS + 5.0}, unit="K", seed=1)

    assert better
    assert because == ("beats median: error smaller by 5.00 K (95 % 5.00 to 5.00)",)


def test_one_baseline_that_is_not_beaten_is_enough_to_say_so():
    noisy = ERRORS + np.random.default_rng(1).normal(0.0, 30.0, size=200)

    better, because = compare_with_baselines(ERRORS, {"median": ERRORS + 5.0, "rule": noisy}, unit="K", seed=1)

    assert not better
    assert because[1].startswith("does not beat rule")


def level(promised: float, coverage: float, width: float = 60.0) -> IntervalLevel:
    return IntervalLevel(promised, 1.0, 1.0, coverage, 0.0, width)


@pytest.mark.parametrize(
    ("coverage", "met"),
    [(0.87, True), (0.869, False), (0.95, True), (0.951, False)],
    ids=["low", "less", "high", "more"],
)
def test_coverage_is_met_from_three_points_below_to_five_above(coverage, met):
    (gate,) = check_promises([level(0.9, coverage)], (None, None), widest=None, unit="K")

    assert gate.met is met


def test_width_and_domain_are_checked_when_there_is_something_to_check():
    gates = check_promises([level(0.9, 0.9, width=71.0)], (10.0, 15.0), widest=70.0, unit="K")

    assert [(gate.name, gate.met) for gate in gates] == [
        ("coverage at 90%", True),
        ("width at 90%", False),
        ("error outside / inside the domain", True),
    ]


class FirstColumn:
    def predict(self, x):
        return x[:, 0].astype(float), np.ones(len(x))


def test_only_the_column_that_is_used_is_important():
    x = np.random.default_rng(0).random((40, 4)).astype(np.float32)
    columns = [Column(name, "1", "") for name in ("used", "unused", "fragment_000", "fragment_001")]
    folds = [(np.arange(20), np.arange(20, 40))]

    found = permutation_importance(lambda *_: FirstColumn(), x, x[:, 0].astype(float), columns, folds=folds, seed=1)

    assert [entry.column for entry in found] == ["used", "fragment_*", "unused"]
    assert found[0].mean > 0.1
    assert [entry.mean for entry in found[1:]] == [0.0, 0.0]


@given(st.lists(st.floats(-1e3, 1e3, width=32), min_size=5, max_size=80))
def test_reference_shares_sum_to_one_and_edges_rise(values):
    x = np.array(values, dtype=np.float32)[:, None]

    for reference in reference_distributions(x, x[:, 0].astype(float), [Column("a", "1", "")]):
        assert len(reference.shares) == len(reference.edges) + 1
        assert sum(reference.shares) == pytest.approx(1.0, abs=1e-4)
        assert list(reference.edges) == sorted(set(reference.edges))


def points(shift: float, rows: int = 60):
    rng = np.random.default_rng(3)
    return [Point(f"{n:02d}", 100.0, 100.0 + shift + rng.normal(), 1.0, in_domain=True) for n in range(rows)]


def test_better_version_is_found_by_pairs():
    comparison = compare_points(points(9.0), points(3.0), seed=1)

    assert comparison.verdict == "b is better"
    assert comparison.difference.high < 0
    assert comparison.rows == 60


def test_version_compared_with_itself_shows_no_difference():
    comparison = compare_points(points(3.0), points(3.0), seed=1)

    assert comparison.verdict == "no difference shown"
    assert comparison.difference.value == 0.0


def test_versions_without_common_rows_are_not_compared():
    with pytest.raises(ArtefactInvalidError, match="share 5 tested rows"):
        compare_points(points(1.0), points(1.0, rows=5), seed=1)


def observed(actual: float, *, known: bool = True) -> Observed:
    return Observed("row", actual, 100.0, 90.0, 110.0, in_domain=known)


def test_each_row_is_judged_and_flagged():
    found = validate_rows([observed(105.0), observed(115.0), observed(150.0, known=False)], level=0.9)

    assert [row.residual for row in found.rows] == [5.0, 15.0, 50.0]
    assert [row.flags for row in found.rows] == [
        (),
        ("outside_interval",),
        ("far_outside_interval", "out_of_domain"),
    ]
    assert (found.mae_in_domain, found.mae_out_of_domain) == (10.0, 50.0)
    assert found.coverage == pytest.approx(1 / 3, abs=1e-4)
    assert not found.kept


def test_coverage_within_chance_of_its_promise_is_kept():
    rows = [observed(100.0)] * 17 + [observed(120.0)] * 3

    assert validate_rows(rows, level=0.9).kept


@pytest.mark.parametrize(
    ("rows", "level_asked"),
    [([], 0.9), ([observed(1.0)], 1.0), ([observed(float("nan"))], 0.9)],
    ids=["no rows", "level", "NaN"],
)
def test_rows_that_cannot_be_judged_are_refused(rows, level_asked):
    with pytest.raises(SettingInvalidError):
        validate_rows(rows, level=level_asked)
