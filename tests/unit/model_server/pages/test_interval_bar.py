"""Geometry of the interval bar."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from model_server.pages.interval_bar import nice_ticks, place_bar

VALUES = st.floats(-1e4, 1e4, allow_nan=False)


@given(VALUES, st.floats(0, 500), st.floats(0, 500), st.tuples(VALUES, VALUES).map(sorted))
def test_everything_lies_on_the_axis_in_its_order(point, below, above, known):
    bar = place_bar(point, (point - below, point + above), tuple(known))

    assert 0 <= bar.interval.start <= bar.point + 0.01
    assert bar.point <= bar.interval.start + bar.interval.length + 0.02 <= 100.02
    assert 0 <= bar.known.start <= bar.known.start + bar.known.length <= 100.02
    assert [tick.at for tick in bar.ticks] == sorted(tick.at for tick in bar.ticks)
    assert all(3 <= tick.at <= 97 for tick in bar.ticks)


@pytest.mark.parametrize(
    ("ends", "labels"),
    [
        ((20.0, 460.0), ["100", "200", "300", "400"]),
        ((-0.4, 1.2), ["0", "0.5", "1"]),
        ((-5.0, 130.0), ["0", "25", "50", "75", "100", "125"]),
    ],
)
def test_ticks_are_round_numbers(ends, labels):
    assert [label for _, label in nice_ticks(*ends)] == labels


@pytest.mark.parametrize("value", [5.0, -5.0, 0.0])
@pytest.mark.parametrize("width", [0.0, 5e-324, 1e-12])
def test_prediction_without_width_still_has_an_axis(value, width):
    bar = place_bar(value, (value, value + width), (value, value))

    assert bar.point == 50.0
    assert bar.ticks
