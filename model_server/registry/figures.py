"""Measured figures as a card stores them; made by evaluation, read by the server and by people."""

import msgspec


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure and its 95 % bootstrap interval over compounds."""

    value: float
    low: float
    high: float


class PointScores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Point accuracy of one model on one split rule.

    Args:
        mae: mean absolute error, in the target's unit.
        rmse: root mean square error, in the target's unit.
        r2: share of variance explained; below 0 the mean of all values would have been better.
        spearman: rank correlation.
        auc: how often an active compound is ranked before an inactive one; absent where nothing is called active.
    """

    mae: Score
    rmse: Score
    r2: Score
    spearman: Score
    auc: Score | None = None


class SplitScores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Accuracy on one way of splitting, beside what needs no model.

    Args:
        name: what a fold holds out whole, such as ``compound`` or ``scaffold``.
        rule: the same in a sentence, with its reason.
        primary: the split that the data set declares; the verdict and the intervals come from it.
        folds: folds per repeat.
        repeats: repeats with other fold assignments.
        model: the model's figures.
        baselines: figures of what needs no training, by name, always with ``median``.
    """

    name: str
    rule: str
    primary: bool
    folds: int
    repeats: int
    model: PointScores
    baselines: dict[str, PointScores]


class Gate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure that was asked for in advance, and whether it was reached.

    Args:
        name: the figure and its split, such as ``mae by compound``.
        limit: what was asked for, with the direction, such as ``<= 13.0 K``.
        value: what was measured.
        met: whether the limit holds.
    """

    name: str
    limit: str
    value: float
    met: bool


class IntervalLevel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promised level: half-width = quantile times scale.

    Args:
        level: promised share of rows inside.
        quantile: factor on the model's scale for rows inside the domain; pure number.
        quantile_outside: factor for rows outside the domain; never smaller.
        coverage: share found inside over repeated grouped holdouts.
        coverage_sd: standard deviation of that share from holdout to holdout.
        width: mean full width over the same holdouts, in the target's unit.
    """

    level: float
    quantile: float
    quantile_outside: float
    coverage: float
    coverage_sd: float
    width: float


class DomainBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean absolute error of rows whose nearest training row is this similar.

    Args:
        low: similarity from, inclusive.
        high: similarity to, exclusive except in the last band.
        compounds: mean number per repeat.
        mae: in the target's unit; absent when no compound fell into the band.
    """

    low: float
    high: float
    compounds: float
    mae: float | None


class Importance(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much the error on held-out rows grows when one column is shuffled.

    Args:
        column: name of the column.
        mean: increase of the mean absolute error, in the target's unit.
        sd: standard deviation of that increase over folds and shuffles.
    """

    column: str
    mean: float
    sd: float


class Reference(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How a column was distributed in training: what live traffic is compared with.

    Args:
        column: name of the column, or ``prediction``.
        edges: inner edges of the bins, ascending; a value belongs to the first bin whose edge it does not exceed.
        shares: share of training rows per bin, one more than there are edges, summing to 1.
    """

    column: str
    edges: tuple[float, ...]
    shares: tuple[float, ...]
