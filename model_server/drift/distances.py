"""How far a window lies from training, column by column: PSI and Kolmogorov distance, and the evidence for either."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_server.drift.profile import Matrix, Profile


class Distances(NamedTuple):
    """Per column; each of shape (d,).

    Args:
        psi: population stability index over the card's bins, half a row added to each bin of either side.
        distance: largest difference of the two shares below an edge; Kolmogorov's distance on the card's bins.
        evidence: n times the largest relative entropy of those shares (Berk and Jones 1979), over the edges where the
            difference counts; 0 where there is none.
        edge: index of that edge.
    """

    psi: Matrix
    distance: Matrix
    evidence: Matrix
    edge: NDArray[np.int64]


def shares_below(profile: Profile, values: NDArray[np.floating]) -> Matrix:
    """Share of rows that do not exceed each edge.

    Args:
        profile: of d columns.
        values: shape (n, d), n >= 1.

    Returns:
        shape (d, k).
    """
    wide = np.ascontiguousarray(values.T, dtype=np.float64)
    counts = np.stack([(wide <= edge[:, np.newaxis]).sum(axis=1) for edge in profile.edges.T], axis=1)
    shares: Matrix = counts / len(values)
    return shares


def measure_distances(profile: Profile, values: NDArray[np.floating], *, least_effect: float) -> Distances:
    """Compare a window with training.

    Args:
        profile: of d columns, at least one of which has an edge.
        values: shape (n, d), n >= 1.
        least_effect: difference of shares in standard deviations of the indicator, below which no evidence counts.
    """
    below = shares_below(profile, values)
    difference = np.abs(below - profile.below)
    spread = np.sqrt(profile.below * (1.0 - profile.below))
    counts = (difference >= least_effect * spread) & (profile.below < 1.0)
    evidence = np.where(counts, len(values) * _relative_entropy(below, profile.below), 0.0)
    edge = evidence.argmax(axis=1)
    return Distances(
        psi=_stability_index(profile, below, len(values)),
        distance=difference.max(axis=1),
        evidence=evidence[np.arange(len(evidence)), edge],
        edge=edge,
    )


def _stability_index(profile: Profile, below: Matrix, rows: int) -> Matrix:
    bounds = np.zeros((len(below), 1)), np.ones((len(below), 1))
    live = np.diff(np.concatenate([bounds[0], below, bounds[1]], axis=1), axis=1)
    bins = profile.bins[:, np.newaxis]
    p = (live * rows + 0.5) / (rows + 0.5 * bins)
    q = (profile.shares * profile.rows + 0.5) / (profile.rows + 0.5 * bins)
    is_bin = np.arange(live.shape[1]) < bins
    index: Matrix = np.where(is_bin, (p - q) * np.log(p / q), 0.0).sum(axis=1)
    return index


def _relative_entropy(live: Matrix, reference: Matrix) -> Matrix:
    """Relative entropy of two-sided indicators, in nats; 0 where the reference is certain."""
    certain = (reference <= 0.0) | (reference >= 1.0)
    q = np.where(certain, 0.5, reference)
    p = np.where(certain, 0.5, live)
    return _term(p, q) + _term(1.0 - p, 1.0 - q)


def _term(p: Matrix, q: Matrix) -> Matrix:
    safe = np.where(p > 0.0, p, 1.0)
    return np.where(p > 0.0, p * np.log(safe / q), 0.0)
