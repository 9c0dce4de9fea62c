"""Where the parts of an interval bar lie, in per cent of its width; pure."""

import math
from typing import NamedTuple

# Chosen: ends of the axis stay clear of the border, so that a label under the first tick is not cut off.
_MARGIN = 0.06
# Chosen: far below what a label shows; a smaller width, as of 0 and the smallest float, leaves no room for arithmetic.
_NO_WIDTH = 1e-9
_WANTED_TICKS = 6
_NICE = (1.0, 2.0, 2.5, 5.0, 10.0)


class Tick(NamedTuple):
    """A mark on the axis."""

    at: float
    label: str


class Span(NamedTuple):
    """A stretch of the axis."""

    start: float
    length: float


class IntervalBar(NamedTuple):
    """A bar over an axis; every position is per cent of the width.

    Args:
        point: of the prediction.
        interval: from lower to upper limit.
        known: the range of the training data.
        ticks: of the axis.
    """

    point: float
    interval: Span
    known: Span
    ticks: tuple[Tick, ...]


def place_bar(point: float, limits: tuple[float, float], known: tuple[float, float]) -> IntervalBar:
    """Place a prediction on an axis that shows its interval and the range of the training data.

    Args:
        point: prediction.
        limits: lower and upper, in the same unit.
        known: smallest and largest measured value, likewise.
    """
    low, high = min(limits[0], known[0], point), max(limits[1], known[1], point)
    width, size = high - low, max(abs(low), abs(high), 1.0)
    if width < _NO_WIDTH * size:
        width = size
    low, high = low - _MARGIN * width, high + _MARGIN * width

    def at(value: float) -> float:
        return round(100.0 * (value - low) / (high - low), 2)

    def span(ends: tuple[float, float]) -> Span:
        return Span(at(ends[0]), round(at(ends[1]) - at(ends[0]), 2))

    ticks = tuple(Tick(at(value), label) for value, label in nice_ticks(low, high) if 3 <= at(value) <= 97)  # noqa: PLR2004 - as the margin
    return IntervalBar(at(point), span(limits), span(known), ticks)


def nice_ticks(low: float, high: float) -> list[tuple[float, str]]:
    """Round values between two ends, about six of them."""
    raw = (high - low) / _WANTED_TICKS
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in _NICE if factor * magnitude >= raw)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [(index * step, f"{index * step:.6g}".replace("-", "\u2212")) for index in range(first, last + 1)]
