"""Compare two versions of a model on the rows that both were tested on."""

from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from model_server.errors import ArtefactInvalidError
from model_server.registry.card import Point
from model_server.registry.figures import Score

# Chosen: as many as behind the figures of a card.
_RESAMPLES = 2000
# Chosen: below ten pairs an interval of their difference says nothing.
_FEWEST_ROWS = 10


class Comparison(msgspec.Struct, frozen=True):
    """Paired comparison of two versions.

    Args:
        rows: compounds or compositions that both were tested on.
        mae_a: mean absolute error of the first on them, in the target's unit.
        mae_b: of the second.
        difference: mean of |error of b| minus |error of a| with a 95 % bootstrap interval; below 0 means b is better.
        verdict: which is better when the interval leaves 0 out.
        only_a: rows that only the first was tested on.
        only_b: rows that only the second was tested on.
    """

    rows: int
    mae_a: float
    mae_b: float
    difference: Score
    verdict: Literal["a is better", "b is better", "no difference shown"]
    only_a: int
    only_b: int


def compare_points(a: Sequence[Point], b: Sequence[Point], *, seed: int) -> Comparison:
    """Compare held-out errors row by row.

    Raises:
        ArtefactInvalidError: fewer than ten rows in common (permanent, 422).
    """
    first, second = {point.key: point for point in a}, {point.key: point for point in b}
    common = sorted(first.keys() & second.keys())
    if len(common) < _FEWEST_ROWS:
        raise ArtefactInvalidError(f"the versions share {len(common)} tested rows; {_FEWEST_ROWS} are needed")
    errors_a = np.array([abs(first[key].predicted - first[key].actual) for key in common])
    errors_b = np.array([abs(second[key].predicted - second[key].actual) for key in common])
    gap = errors_b - errors_a
    draws = np.random.default_rng(seed).integers(0, len(gap), size=(_RESAMPLES, len(gap)))
    low, high = np.quantile(gap[draws].mean(axis=1), (0.025, 0.975))
    difference = Score(round(float(gap.mean()), 4), round(float(low), 4), round(float(high), 4))
    return Comparison(
        rows=len(common),
        mae_a=round(float(errors_a.mean()), 4),
        mae_b=round(float(errors_b.mean()), 4),
        difference=difference,
        verdict=_verdict(difference),
        only_a=len(first) - len(common),
        only_b=len(second) - len(common),
    )


def _verdict(difference: Score) -> Literal["a is better", "b is better", "no difference shown"]:
    if difference.high < 0:
        return "b is better"
    return "a is better" if difference.low > 0 else "no difference shown"
