"""Has the traffic left what the model was trained on? A decision with reasons, and every number behind it.

The null hypothesis is that rows are drawn from the training rows. Each edge of each column is one test: the share of
questions below it against the share of training rows. Chernoff's bound gives the chance of as much relative entropy
without any approximation, so it holds for rare counts too, and the bound is divided among all edges, so it holds
whatever correlation the columns have. A threshold on PSI does neither: with 147 columns and 200 rows a PSI above 0.1
somewhere is a matter of luck in one window of six, and 0.2 misses most shifts of half a standard deviation in a column
that is mostly zero (bench/drift.py prints both).
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import msgspec
import numpy as np

from model_server.drift.distances import Distances, measure_distances
from model_server.drift.labels import Label
from model_server.drift.profile import PREDICTION, Profile
from model_server.drift.window import Sample

# Chosen, then measured by bench/drift.py: rows from which on a shift of half a standard deviation is told from luck.
MINIMUM = 500
# Chosen: a smaller difference is no reason to act, however many rows prove it. In standard deviations of an indicator;
# half a standard deviation of a normal column gives 0.42.
_LEAST_EFFECT = 0.2
# Chosen: chance of a false alarm per verdict, divided among what is looked at; 0.01 together.
_CHANCE_COLUMNS = 0.006
_Z = 3.09
# Chosen: questions outside the domain, and wider intervals, matter from here on.
_MORE_OUTSIDE = 0.05
_WIDER = 1.25
# Chosen: fewer measurements prove nothing about 90 %.
_LEAST_LABELS = 30
_MOST_REASONS = 5


class ColumnDrift(msgspec.Struct, frozen=True):
    """One feature. `psi` over deciles of training, `distance` after Kolmogorov; absent without rows."""

    name: str
    psi: float | None
    distance: float | None
    alarm: bool


class PredictionDrift(msgspec.Struct, frozen=True):
    """The same of the prediction."""

    psi: float | None
    distance: float | None
    alarm: bool


class DomainDrift(msgspec.Struct, frozen=True):
    """Share of questions outside the domain, of those where it could be told; expected from held-out rows."""

    share: float | None
    expected: float | None
    alarm: bool


class WidthDrift(msgspec.Struct, frozen=True):
    """Mean width of intervals at the default level, in the target's unit; expected from held-out rows."""

    mean: float | None
    expected: float | None
    ratio: float | None
    alarm: bool


class LabelDrift(msgspec.Struct, frozen=True):
    """Measurements: coverage of intervals at the default level and mean absolute error, against the card."""

    count: int
    coverage: float
    expected: float
    mae: float
    expected_mae: float
    alarm: bool


class Verdict(msgspec.Struct, frozen=True):
    """The decision. `since` is the time of the oldest row, ISO 8601; no alarm is given before `enough`."""

    samples: int
    minimum: int
    enough: bool
    since: str | None
    alarm: bool
    because: tuple[str, ...]
    features: tuple[ColumnDrift, ...]
    prediction: PredictionDrift
    out_of_domain: DomainDrift
    interval_width: WidthDrift
    labels: LabelDrift | None


class Live(NamedTuple):
    """A window and the width of each of its rows' intervals at the default level."""

    sample: Sample
    widths: np.ndarray[tuple[int], np.dtype[np.float64]]


def judge(profile: Profile, live: Live | None, labels: Sequence[Label], *, since: str | None) -> Verdict:
    """Compare a window and the measurements with what the card promises.

    Args:
        profile: what training looked like.
        live: the window; None when it is empty.
        labels: measurements that arrived.
        since: time of the oldest row, in words.
    """
    samples = 0 if live is None else len(live.sample)
    enough = samples >= MINIMUM
    features, prediction, reasons = _judge_columns(profile, live, enough=enough)
    outside = _judge_domain(profile, live)
    width = _judge_width(profile, live, enough=enough)
    measured = _judge_labels(profile, labels)
    if outside.alarm:
        reasons.append(f"{outside.share:.0%} of the questions lie outside the domain, {outside.expected:.0%} expected")
    if width.alarm:
        reasons.append(f"intervals are {width.ratio:.2f} times as wide as in the evaluation")
    if measured is not None and measured.alarm:
        reasons.append(
            f"{measured.count} measurements: {measured.coverage:.0%} inside their interval ({measured.expected:.0%} "
            f"expected), mean error {measured.mae:g} ({measured.expected_mae:g} expected)"
        )
    alarm = bool(reasons)
    if not enough:
        reasons.append(f"{samples} of {MINIMUM} questions: too few for a verdict on the traffic")
    return Verdict(
        samples, MINIMUM, enough, since, alarm, tuple(reasons), features, prediction, outside, width, measured
    )


def _judge_columns(
    profile: Profile, live: Live | None, *, enough: bool
) -> tuple[tuple[ColumnDrift, ...], PredictionDrift, list[str]]:
    names = [name for name in profile.names if name != PREDICTION]
    if live is None or not profile.comparisons:
        nothing = PredictionDrift(psi=None, distance=None, alarm=False)
        return tuple(ColumnDrift(name, None, None, alarm=False) for name in names), nothing, []
    values = np.column_stack([live.sample.x, live.sample.point])
    found = measure_distances(profile, values, least_effect=_LEAST_EFFECT)
    # Both tails of every edge; see the module's first paragraph.
    alarms = (found.evidence >= math.log(2 * profile.comparisons / _CHANCE_COLUMNS)) & enough
    columns = tuple(
        ColumnDrift(name, round(float(psi), 4), round(float(distance), 4), alarm=bool(alarm))
        for name, psi, distance, alarm in zip(profile.names, found.psi, found.distance, alarms, strict=True)
    )
    last = columns[-1]
    prediction = PredictionDrift(last.psi, last.distance, last.alarm)
    return columns[:-1], prediction, _word_columns(profile, values, found, alarms)


def _word_columns(profile: Profile, values: np.ndarray, found: Distances, alarms: np.ndarray) -> list[str]:
    """Say of the most striking columns what has changed, in shares of rows."""
    striking = [int(row) for row in np.argsort(-found.evidence, kind="stable") if alarms[row]]
    reasons = []
    for row in striking[:_MOST_REASONS]:
        edge = found.edge[row]
        limit = profile.edges[row, edge]
        share = float((values[:, row] <= limit).mean())
        reasons.append(
            f"{profile.names[row]}: {share:.0%} of the questions are at most {limit:.4g}, "
            f"{profile.below[row, edge]:.0%} in training"
        )
    if len(striking) > _MOST_REASONS:
        reasons.append(f"{len(striking) - _MOST_REASONS} other columns have moved too")
    return reasons


def _judge_domain(profile: Profile, live: Live | None) -> DomainDrift:
    held_out = profile.held_out.inside
    expected = round(float(1.0 - held_out.mean()), 4) if held_out.size else None
    known = live.sample.inside[live.sample.inside >= 0] if live is not None else np.empty(0, dtype=np.int8)
    if not known.size:
        return DomainDrift(None, expected, alarm=False)
    share = float(1.0 - known.mean())
    alarm = False
    if expected is not None and len(known) >= MINIMUM and share > expected + _MORE_OUTSIDE:
        alarm = _two_shares(share, len(known), expected, held_out.size) >= _Z**2 / 2
    return DomainDrift(round(share, 4), expected, alarm=alarm)


def _judge_width(profile: Profile, live: Live | None, *, enough: bool) -> WidthDrift:
    held_out = profile.held_out.widths
    expected = float(held_out.mean()) if held_out.size else None
    if live is None:
        return WidthDrift(None, _rounded(expected), None, alarm=False)
    mean = float(live.widths.mean())
    if not expected:
        return WidthDrift(_rounded(mean), _rounded(expected), None, alarm=False)
    ratio = mean / expected
    alarm = enough and ratio >= _WIDER and _is_larger(live.widths, held_out)
    return WidthDrift(_rounded(mean), _rounded(expected), _rounded(ratio), alarm=alarm)


def _judge_labels(profile: Profile, labels: Sequence[Label]) -> LabelDrift | None:
    held_out = profile.held_out
    if not labels or not held_out.errors.size:
        return None
    coverage = float(np.mean([label.covered for label in labels]))
    errors = np.array([label.error for label in labels])
    mae, expected_mae = float(errors.mean()), float(held_out.errors.mean())
    alarm = False
    if len(labels) >= _LEAST_LABELS:
        fell = coverage < held_out.coverage and (
            _two_shares(coverage, len(labels), held_out.coverage, held_out.errors.size) >= _Z**2 / 2
        )
        alarm = fell or (mae >= _WIDER * expected_mae and _is_larger(errors, held_out.errors))
    expected = round(held_out.coverage, 4)
    return LabelDrift(
        len(labels), round(coverage, 4), expected, round(mae, 4), round(expected_mae, 4), alarm=bool(alarm)
    )


def _two_shares(a: float, a_rows: int, b: float, b_rows: int) -> float:
    """Log-likelihood ratio of two shares against one common share; twice it is chi-squared with one degree."""
    pooled = (a * a_rows + b * b_rows) / (a_rows + b_rows)
    return a_rows * _entropy(a, pooled) + b_rows * _entropy(b, pooled)


def _entropy(p: float, q: float) -> float:
    first = p * math.log(p / q) if p > 0.0 else 0.0
    second = (1.0 - p) * math.log((1.0 - p) / (1.0 - q)) if p < 1.0 else 0.0
    return first + second


def _is_larger(live: np.ndarray, held_out: np.ndarray) -> bool:
    """Whether a mean is larger beyond luck, the luck of the held-out rows counted."""
    variance = live.var() / len(live) + held_out.var() / len(held_out)
    return bool(live.mean() - held_out.mean() > _Z * math.sqrt(variance))


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
