"""Counters become counts of whole requests, through restarts, gaps and values that are no number."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.release.evidence import Block, Counts
from agents.release.prometheus import NoMetricsError, Prometheus
from agents.release.samples import Series, Span, Tally, choose_edge, cut_blocks, increase_within, split_at
from agents.runtime.names import Colour


def series(*values: float, every_s: float = 5, **labels: str) -> Series:
    return Series(labels, tuple((every_s * number, value) for number, value in enumerate(values)))


@pytest.mark.parametrize(
    ("values", "rise"),
    [
        ([10, 15, 20, 30], 20),
        ([10, 10, 10, 10], 0),
        ([10, 15, 3, 8], 13),
        ([10, 15, math.nan, 30], 20),
        ([10], 0),
        ([], 0),
    ],
)
def test_rise_counts_restarts_from_zero_and_leaves_out_what_is_no_number(values: list[float], rise: float) -> None:
    assert increase_within(series(*values), 0, 15) == rise


def test_counter_that_appears_later_rose_from_zero() -> None:
    assert increase_within(Series({}, ((7, 3), (12, 5))), 5, 15) == 5


@given(st.lists(st.integers(0, 50), min_size=2, max_size=20))
def test_blocks_together_hold_every_request_once(increments: list[int]) -> None:
    values = [sum(increments[: number + 1]) for number in range(len(increments))]
    good, bad = series(*values, colour="green"), series(*[0] * len(values), colour="green")
    end_s = 5.0 * (len(values) - 1)

    blocks = cut_blocks(Tally((bad,), (good,)), Colour.GREEN, Span(0, end_s, 5))

    assert sum(block.canary.total for block in blocks) == values[-1] - values[0]
    assert all(block.stable == Counts(0, 0) for block in blocks)


def test_blocks_tell_the_colours_and_the_bad_apart() -> None:
    tally = Tally(
        bad=(series(0, 2, 4, colour="green"), series(0, 0, 1, colour="blue")),
        good=(series(0, 8, 16, colour="green"), series(0, 90, 180, colour="blue")),
    )

    blocks = cut_blocks(tally, Colour.GREEN, Span(0, 12, 5))

    assert blocks == [Block(Counts(10, 2), Counts(90, 0)), Block(Counts(10, 2), Counts(91, 1))]


def test_histogram_is_split_at_an_edge() -> None:
    labels = {"colour": "blue", "pod": "a"}
    buckets = (series(0, 7, le="0.1", **labels), series(0, 10, le="+Inf", **labels), series(0, 9, le="0.5", **labels))

    tally = split_at(buckets, "0.1")

    assert cut_blocks(tally, Colour.GREEN, Span(0, 5, 5)) == [Block(Counts(0, 0), Counts(10, 3))]


@pytest.mark.parametrize(
    ("cumulative", "edge"),
    [
        ({"0.1": 90, "0.3": 96, "1.2": 100, "+Inf": 100}, "0.3"),
        ({"0.1": 99, "0.3": 100, "1.2": 100, "+Inf": 100}, "0.1"),
        ({"0.05": 100, "0.1": 100, "+Inf": 100}, "0.1"),
        ({"0.1": 10, "0.3": 20, "+Inf": 100}, None),
        ({}, None),
        ({"0.1": 0, "+Inf": 0}, "0.1"),
    ],
)
def test_slow_begins_above_the_stable_colours_p95_and_the_floor(cumulative: dict[str, float], edge: str | None) -> None:
    assert choose_edge(cumulative, floor_s=0.1) == edge


@pytest.mark.parametrize(
    ("status", "body", "told"),
    [
        (200, "<html>", "no Prometheus answer"),
        (200, "[]", "no Prometheus answer"),
        (200, "{}", "no Prometheus answer"),
        (400, '{"status": "error", "error": "parse error"}', "parse error"),
        (503, '{"status": "error"}', "refused"),
        (200, '{"status": "success", "data": {"resultType": "scalar", "result": []}}', "with a scalar, not a vector"),
        (200, '{"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}', "no Prometheus"),
    ],
)
def test_anything_but_a_clear_answer_is_an_error_and_never_an_empty_list(status: int, body: str, told: str) -> None:
    prometheus = Prometheus("http://p", lambda _url, _form: (status, body.encode()))

    with pytest.raises(NoMetricsError, match=told):
        prometheus.read_now("up", at_s=0)


def test_nan_is_read_as_what_it_is() -> None:
    answer = {
        "status": "success",
        "data": {"resultType": "vector", "result": [{"metric": {"a": "b"}, "value": [0, "NaN"]}]},
    }
    prometheus = Prometheus("http://p", lambda _url, _form: (200, json.dumps(answer).encode()))

    (value,) = prometheus.read_now("x", at_s=0).values()
    assert math.isnan(value)
