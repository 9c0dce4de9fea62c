"""A verdict with reasons: quiet on the training rows, loud when they move, silent before there are enough."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model_server.drift.distances import measure_distances, shares_below
from model_server.drift.labels import Label, Labels
from model_server.drift.profile import HeldOut, build_profile
from model_server.drift.verdict import MINIMUM, Live, judge
from model_server.drift.window import Sample
from model_server.evaluate.importance import reference_distributions
from model_server.features.columns import Column

ROWS = 300


@pytest.fixture(scope="module")
def training():
    """A bell, a count that is mostly zero, a constant and a copy of the bell; the prediction is their sum."""
    chance = np.random.default_rng(3)
    bell = chance.normal(size=ROWS)
    rare = (chance.random(ROWS) < 0.05).astype(float)
    x = np.column_stack([bell, rare, np.full(ROWS, 7.0), bell * 2 + 1]).astype(np.float32)
    return x, x.sum(axis=1, dtype=np.float64).astype(np.float32)


@pytest.fixture(scope="module")
def profile(training):
    x, point = training
    columns = [Column(name, "1", name) for name in ("bell", "rare", "constant", "copy")]
    chance = np.random.default_rng(4)
    held_out = HeldOut(
        inside=chance.random(ROWS) > 0.1,
        widths=np.full(ROWS, 30.0) + chance.normal(size=ROWS),
        errors=np.abs(chance.normal(size=ROWS)) * 10,
        level=0.9,
        coverage=0.9,
    )
    return build_profile(reference_distributions(x, point, columns), rows=ROWS, held_out=held_out)


def live_of(x, point, *, inside=1, width=30.0):
    count = len(point)
    known = np.full(count, inside, dtype=np.int8)
    return Live(Sample(x, point, np.ones(count, dtype=np.float32), known, 0.0), np.full(count, width))


def drawn(training, seed, count=MINIMUM):
    chosen = np.random.default_rng(seed).integers(ROWS, size=count)
    return training[0][chosen].copy(), training[1][chosen].copy()


@pytest.mark.parametrize("seed", range(20))
def test_training_rows_themselves_are_no_drift(training, profile, seed):
    verdict = judge(profile, live_of(*drawn(training, seed)), [], since=None)

    assert (verdict.enough, verdict.alarm, verdict.because) == (True, False, ())


@pytest.mark.parametrize("seed", range(20))
@pytest.mark.parametrize("column", ["bell", "copy", "prediction"])
def test_half_a_standard_deviation_is_noticed_and_named(training, profile, column, seed):
    x, point = drawn(training, seed)
    if column == "prediction":
        point = point + np.float32(0.5) * training[1].std()
    else:
        index = profile.names.index(column)
        x[:, index] += np.float32(0.5) * training[0][:, index].std()

    verdict = judge(profile, live_of(x, point), [], since=None)

    assert verdict.alarm
    assert any(reason.startswith(f"{column}: ") for reason in verdict.because)
    alarms = {each.name for each in verdict.features if each.alarm} | ({"prediction"} & {column})
    assert alarms == {column}
    assert verdict.prediction.alarm is (column == "prediction")


def test_rare_count_that_becomes_common_is_noticed(training, profile):
    x, point = drawn(training, 1)
    x[: MINIMUM // 5, 1] = 1.0

    verdict = judge(profile, live_of(x, point), [], since=None)

    assert [each.name for each in verdict.features if each.alarm] == ["rare"]


def test_too_few_rows_give_numbers_and_no_alarm(training, profile):
    x, point = drawn(training, 1, MINIMUM - 1)

    verdict = judge(profile, live_of(x + np.float32(9), point + np.float32(99), inside=0, width=300.0), [], since=None)

    assert (verdict.enough, verdict.alarm) == (False, False)
    assert verdict.because == (f"{MINIMUM - 1} of {MINIMUM} questions: too few for a verdict on the traffic",)
    # Nine in ten training rows lie below the last edge that a card has.
    assert verdict.prediction.distance == pytest.approx(0.9, abs=0.01)


def test_empty_window_has_no_numbers(profile):
    verdict = judge(profile, None, [], since=None)

    assert (verdict.samples, verdict.prediction.psi, verdict.out_of_domain.share) == (0, None, None)
    assert {each.psi for each in verdict.features} == {None}
    assert verdict.interval_width.expected == pytest.approx(30.0, abs=0.2)


@pytest.mark.parametrize(
    ("change", "part", "word"),
    [({"inside": 0}, "out_of_domain", "outside the domain"), ({"width": 60.0}, "interval_width", "times as wide")],
)
def test_domain_and_width_have_alarms_of_their_own(training, profile, change, part, word):
    verdict = judge(profile, live_of(*drawn(training, 1), **change), [], since=None)

    assert getattr(verdict, part).alarm
    assert [word in reason for reason in verdict.because] == [True]


def test_domain_is_not_judged_where_nobody_could_tell(training, profile):
    verdict = judge(profile, live_of(*drawn(training, 1), inside=-1), [], since=None)

    assert (verdict.out_of_domain.share, verdict.alarm) == (None, False)


@pytest.mark.parametrize(
    ("covered", "error", "count", "alarm"),
    [
        (0.9, 8.0, 200, False),
        (0.7, 8.0, 200, True),
        (0.9, 20.0, 200, True),
        (0.0, 99.0, 20, False),
        (1.0, 0.0, 200, False),
    ],
)
def test_measurements_are_judged_even_without_traffic(profile, covered, error, count, alarm):
    labels = [Label(index < covered * count, error) for index in range(count)]

    verdict = judge(profile, None, labels, since=None)

    assert (verdict.labels.alarm, verdict.alarm) == (alarm, alarm)
    assert verdict.labels.coverage == pytest.approx(covered)


def test_measurement_sent_twice_counts_once():
    labels = Labels(capacity=2)
    for actual in (1.0, 1.0, 2.0, 3.0):
        labels.add("CCO", actual, Label(covered=True, error=actual))

    assert [label.error for label in labels.all()] == [2.0, 3.0]


@settings(max_examples=200)
@given(st.integers(0, 2**32 - 1), st.integers(1, 400))
def test_distances_agree_with_their_definitions(seed, count):
    chance = np.random.default_rng(seed)
    trained, asked = chance.normal(size=(50, 1)).astype(np.float32), chance.normal(size=(count, 1)).astype(np.float32)
    references = reference_distributions(trained[:, :0], trained[:, 0], [])
    nothing = HeldOut(np.empty(0, dtype=bool), np.empty(0), np.empty(0), 0.9, 0.9)
    made = build_profile(references, rows=50, held_out=nothing)

    found = measure_distances(made, asked, least_effect=0.0)

    below = np.array([(np.round(asked[:, 0].astype(float), 6) <= edge).mean() for edge in references[0].edges])
    assert np.allclose(shares_below(made, asked)[0], below)
    assert found.distance[0] == pytest.approx(np.abs(below - np.cumsum(references[0].shares)[:-1]).max())
    assert 0.0 <= found.distance[0] <= 1.0
    assert found.psi[0] >= 0.0
    # Pinsker: relative entropy is at least twice the squared difference.
    assert found.evidence[0] >= 2 * count * found.distance[0] ** 2 * (1 - 1e-9)


@pytest.mark.parametrize("correlated", [False, True])
def test_many_columns_together_cry_wolf_no_more_often_than_one(correlated):
    """One window in a hundred may; of forty seeded ones none does, while each column alone at that level would."""
    chance = np.random.default_rng(5)
    common = chance.normal(size=(ROWS, 1)) if correlated else 0.0
    x = (chance.normal(size=(ROWS, 150)) + 2.0 * common).astype(np.float32)
    columns = [Column(f"c{index}", "1", "made up") for index in range(150)]
    nothing = HeldOut(np.ones(ROWS, dtype=bool), np.full(ROWS, 30.0), np.ones(ROWS), 0.9, 0.9)
    made = build_profile(reference_distributions(x, x[:, 0], columns), rows=ROWS, held_out=nothing)

    windows = [chance.integers(ROWS, size=MINIMUM) for _ in range(40)]
    verdicts = [judge(made, live_of(x[chosen], x[chosen, 0]), [], since=None) for chosen in windows]

    assert sum(verdict.alarm for verdict in verdicts) == 0
