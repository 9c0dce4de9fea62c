"""Hold predictions against new measurements: residuals, flags, and whether the intervals kept their promise."""

import math
from collections.abc import Sequence
from typing import Literal

import msgspec
import numpy as np

from model_server.errors import SettingInvalidError

# Chosen: one-sided 95 % when deciding that coverage fell short; a miss by chance once in twenty validations.
_Z = 1.645
# Chosen: a residual beyond this many half-widths of the interval deserves a second look at the measurement.
_FAR = 2.0

Flag = Literal["outside_interval", "far_outside_interval", "out_of_domain"]


class Observed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured row beside its prediction, all in the target's unit."""

    key: str
    actual: float
    predicted: float
    lower: float
    upper: float
    in_domain: bool


class Judged(msgspec.Struct, frozen=True):
    """One row judged; `residual` is measured minus predicted."""

    key: str
    residual: float
    covered: bool
    flags: tuple[Flag, ...]


class Validation(msgspec.Struct, frozen=True):
    """What new measurements say of a model.

    Args:
        rows: judged one by one, in the order given.
        count: number of rows.
        promised: confidence level of the intervals.
        coverage: share of rows inside their interval.
        kept: false when the coverage is below what chance allows around the promise.
        mae: mean absolute residual.
        rmse: root mean square residual.
        bias: mean residual; far from 0, the model sits too low or too high here.
        mae_in_domain: mean absolute residual of rows inside the domain; absent when there are none.
        mae_out_of_domain: of rows outside; likewise.
    """

    rows: tuple[Judged, ...]
    count: int
    promised: float
    coverage: float
    kept: bool
    mae: float
    rmse: float
    bias: float
    mae_in_domain: float | None
    mae_out_of_domain: float | None


def validate_rows(rows: Sequence[Observed], *, level: float) -> Validation:
    """Judge measurements.

    Raises:
        SettingInvalidError: no rows, a level outside 0 to 1, or a value that is not finite (permanent, 422).
    """
    if not rows or not 0.0 < level < 1.0:
        raise SettingInvalidError(
            f"{len(rows)} rows at level {level:g} cannot be judged; give rows and a level below 1"
        )
    for row in rows:
        if not all(map(math.isfinite, (row.actual, row.predicted, row.lower, row.upper))):
            raise SettingInvalidError(f"row {row.key!r} holds a value that is not finite; correct or drop it")
    judged = tuple(_judge(row) for row in rows)
    residuals = np.array([row.residual for row in judged])
    coverage = float(np.mean([row.covered for row in judged]))
    slack = _Z * math.sqrt(level * (1.0 - level) / len(rows))
    known = np.array([row.in_domain for row in rows])
    return Validation(
        rows=judged,
        count=len(rows),
        promised=level,
        coverage=round(coverage, 4),
        kept=coverage >= level - slack,
        mae=round(float(np.abs(residuals).mean()), 4),
        rmse=round(float(np.sqrt(np.square(residuals).mean())), 4),
        bias=round(float(residuals.mean()), 4),
        mae_in_domain=round(float(np.abs(residuals[known]).mean()), 4) if known.any() else None,
        mae_out_of_domain=round(float(np.abs(residuals[~known]).mean()), 4) if not known.all() else None,
    )


def _judge(row: Observed) -> Judged:
    residual = row.actual - row.predicted
    covered = row.lower <= row.actual <= row.upper
    flags: list[Flag] = []
    if not covered:
        half = row.upper - row.predicted if residual > 0 else row.predicted - row.lower
        flags.append("far_outside_interval" if abs(residual) > _FAR * half else "outside_interval")
    if not row.in_domain:
        flags.append("out_of_domain")
    return Judged(row.key, round(residual, 4), covered, tuple(flags))
