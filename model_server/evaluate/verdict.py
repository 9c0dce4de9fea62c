"""Whether a model is worth having: paired comparison with what needs no training, and the figures asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from model_server.evaluate.scores import Vector, bootstrap_mean
from model_server.registry.figures import Gate, IntervalLevel, SplitScores

CHECKED_LEVELS = (0.8, 0.9, 0.95)
WIDTH_LEVEL = 0.9
# Asked for: mean coverage no more than three points below the promise and five above.
COVERAGE_BELOW = 0.03
COVERAGE_ABOVE = 0.05
DOMAIN_RATIO = 1.5

FigureName = Literal["mae", "rmse", "r2", "auc"]


@dataclass(frozen=True)
class Wanted:
    """A figure asked for in advance: on which split, in which direction, how far."""

    split: str
    figure: FigureName
    limit: float
    unit: str = ""

    @property
    def rises(self) -> bool:
        """Whether larger is better."""
        return self.figure in ("r2", "auc")


def compare_with_baselines(
    errors: Vector, baselines: Mapping[str, Vector], *, unit: str, seed: int
) -> tuple[bool, tuple[str, ...]]:
    """Say whether the model's errors are smaller than each baseline's, row by row, and how sure that is.

    Args:
        errors: mean absolute error per row over repeats; shape (n,).
        baselines: the same for each baseline, by name.
        unit: of the errors.
        seed: of the bootstrap.
    """
    because, better = [], True
    for name, other in baselines.items():
        gain = bootstrap_mean(other - errors, seed)
        beats = gain.low > 0
        better = better and beats
        verb = "beats" if beats else "does not beat"
        because.append(
            f"{verb} {name}: error smaller by {gain.value:.2f} {unit} (95 % {gain.low:.2f} to {gain.high:.2f})"
        )
    return better, tuple(because)


def check_gates(wanted: Sequence[Wanted], splits: Sequence[SplitScores]) -> tuple[Gate, ...]:
    """Compare measured figures with the ones asked for."""
    by_name = {split.name: split for split in splits}
    gates = []
    for want in wanted:
        score = getattr(by_name[want.split].model, want.figure)
        value = float("nan") if score is None else float(score.value)
        met = value >= want.limit if want.rises else value <= want.limit
        sign = ">=" if want.rises else "<="
        gates.append(Gate(f"{want.figure} by {want.split}", f"{sign} {want.limit:g} {want.unit}".strip(), value, met))
    return tuple(gates)


def check_promises(
    levels: Sequence[IntervalLevel], errors: tuple[float | None, float | None], *, widest: float | None, unit: str
) -> tuple[Gate, ...]:
    """Check what every model owes: coverage near its promise, and a domain flag that means something.

    Args:
        levels: with measured coverage; 80, 90 and 95 % are checked.
        errors: mean absolute error inside and outside the domain.
        widest: largest mean width at 90 % that was asked for, if any.
        unit: of the width.
    """
    gates = []
    for level in levels:
        if level.level in CHECKED_LEVELS:
            low, high = level.level - COVERAGE_BELOW, level.level + COVERAGE_ABOVE
            met = low <= level.coverage <= min(high, 1.0)
            gates.append(Gate(f"coverage at {level.level:.0%}", f"{low:.2f} to {high:.2f}", level.coverage, met))
        if widest is not None and level.level == WIDTH_LEVEL:
            gates.append(
                Gate(f"width at {level.level:.0%}", f"<= {widest:g} {unit}", level.width, level.width <= widest)
            )
    inside, outside = errors
    if inside and outside:
        ratio = round(outside / inside, 3)
        gates.append(Gate("error outside / inside the domain", f">= {DOMAIN_RATIO:g}", ratio, ratio >= DOMAIN_RATIO))
    return tuple(gates)


def ratio_baseline(conditions: Vector, ratio: float) -> Vector:
    """Predict a fixed share of a condition: the rule that glasses form near 0.7 of the melting point."""
    predicted: Vector = np.asarray(conditions, dtype=np.float64) * ratio
    return predicted
