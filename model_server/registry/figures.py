"""Measured figures as a card stores them; made by evaluation, read by the server and by people."""

import msgspec


class Score(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure and its 95 % bootstrap interval over compounds."""

    value: float
    low: float
    high: float


class PointScores(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Point accuracy of one model on one split rule."""

    mae: Score
    rmse: float
    r2: float
    spearman: float


class IntervalLevel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One promised level: half-width = quantile times scale.

    Args:
        level: promised share of compounds inside.
        quantile: factor on the model's scale; pure number.
        coverage: share found inside over repeated grouped holdouts.
        coverage_sd: standard deviation of that share from holdout to holdout.
        width: mean full width over the same holdouts, in the target's unit.
    """

    level: float
    quantile: float
    coverage: float
    coverage_sd: float
    width: float


class DomainBand(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Mean absolute error of compounds whose nearest training compound is this similar.

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
