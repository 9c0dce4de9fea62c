"""The window keeps the last rows, whatever requests they came in."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.drift.window import LARGEST, Window


def rows(first, count):
    values = np.arange(first, first + count, dtype=np.float32)
    return np.column_stack([values, values]), values, values


@given(st.lists(st.integers(1, 40), max_size=40), st.integers(1, 60))
def test_window_holds_exactly_the_last_rows(sizes, capacity):
    window, told = Window(lambda: 0.0, capacity=capacity), 0
    for size in sizes:
        if size == 1:
            window.observe_one(np.full(2, told, dtype=np.float32), float(told), float(told), inside=True)
        else:
            window.observe(*rows(told, size), None)
        told += size

    sample = window.sample()

    assert len(window) == min(told, capacity)
    if told:
        expected = np.arange(told, dtype=np.float32)[-capacity:]
        assert np.array_equal(sample.point, expected)
        assert np.array_equal(sample.x[:, 1], expected)
        assert len(sample.scale) == len(sample.inside) == len(expected)
    else:
        assert sample is None


@given(st.integers(LARGEST, 20_000))
def test_one_large_request_stands_for_no_more_than_an_even_sample(count):
    window = Window(lambda: 0.0)

    window.observe(*rows(0, count), np.ones(count, dtype=bool))

    sample = window.sample()
    assert len(sample) == LARGEST
    assert (sample.point[0], sample.point[-1]) == (0, count - 1)


def test_memory_does_not_grow_with_what_was_asked():
    window = Window(lambda: 0.0, capacity=100)
    for _ in range(1000):
        window.observe(*rows(0, 30), None)

    assert sum(chunk.rows for chunk in window._chunks) <= 100 + 30


def test_window_tells_since_when_and_where_the_domain_is_unknown():
    now = [10.0]
    window = Window(lambda: now[0], capacity=3)
    for inside in (None, np.array([False, True])):
        window.observe(*rows(0, 2), inside)
        now[0] += 1.0

    sample = window.sample()

    assert sample.since == pytest.approx(10.0)
    assert sample.inside.tolist() == [-1, 0, 1]
