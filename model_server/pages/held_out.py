"""Held-out rows of a release with the intervals they would get at a level; pure."""

from collections.abc import Sequence
from typing import NamedTuple

from model_server.registry.card import Card, Point
from model_server.registry.figures import IntervalLevel
from model_server.registry.validation import Observed, Validation, validate_rows


class HeldOut(NamedTuple):
    """Rows with their judgement, in the same order."""

    rows: list[Observed]
    judged: Validation


def judge_points(points: Sequence[Point], card: Card, level: float) -> HeldOut:
    """Give every held-out row its interval, as the server would, and judge it by the rule of POST /api/v1/validations.

    Raises:
        SettingInvalidError: the release has no rows (permanent).
    """
    [factors] = [entry for entry in card.intervals.levels if entry.level == level]
    rows = [_observe(point, card, factors) for point in points]
    return HeldOut(rows, validate_rows(rows, level=level))


def _observe(point: Point, card: Card, factors: IntervalLevel) -> Observed:
    half = point.scale * (factors.quantile if point.in_domain else factors.quantile_outside)
    return Observed(
        key=point.key,
        actual=point.actual,
        predicted=point.predicted,
        lower=round(_clip(point.predicted - half, card), 2),
        upper=round(_clip(point.predicted + half, card), 2),
        in_domain=point.in_domain,
    )


def _clip(value: float, card: Card) -> float:
    low, high = card.model.lower_bound, card.model.upper_bound
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)
