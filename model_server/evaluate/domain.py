"""Where a model may be asked: error against similarity to the nearest row of the training folds."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from model_server.data.splits import Fold, Indices
from model_server.evaluate.scores import Vector
from model_server.features.columns import FeatureMatrix
from model_server.features.fingerprints import KnownCompounds, PackedFingerprints
from model_server.features.neighbours import KnownRows
from model_server.registry.figures import DomainBand

# Chosen for the table of the card; the outermost bands are what the thresholds separate.
BAND_EDGES: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 1.0)

# Chosen: far above the rounding of a constant column, far below any real spread of roots of amounts.
_CONSTANT = 1e-6

Measure = Callable[[Indices, Indices], Vector]
"""Similarity of test rows to the nearest of the training rows."""


@dataclass(frozen=True)
class Neighbourhood:
    """Standardisation and reach of a nearest-row domain, taken from training rows alone."""

    axes: tuple[int, ...]
    centre: Vector
    spread: Vector
    reach: float
    neighbours: int
    reference: NDArray[np.float32]

    def known(self) -> KnownRows:
        """Return the lookup for it."""
        return KnownRows(
            self.reference, centre=self.centre, spread=self.spread, neighbours=self.neighbours, reach=self.reach
        )


def fit_neighbourhood(x: FeatureMatrix, *, neighbours: int) -> Neighbourhood:
    """Standardise the columns that vary and take the median leave-one-out distance as reach."""
    whole = x.astype(np.float64)
    axes = tuple(int(index) for index in np.flatnonzero(whole.std(axis=0) > _CONSTANT))
    columns = whole[:, axes]
    centre, spread = columns.mean(axis=0), columns.std(axis=0)
    standard = (columns - centre) / spread
    squared = np.square(standard[:, None, :] - standard[None, :, :]).sum(axis=2)
    np.fill_diagonal(squared, np.inf)
    count = min(neighbours, len(x) - 1)
    nearest = np.sqrt(np.sort(squared, axis=1)[:, :count]).mean(axis=1)
    reach = float(np.median(nearest)) or 1.0
    return Neighbourhood(axes, centre, spread, reach, count, standard.astype(np.float32))


def tanimoto_measure(fingerprints: PackedFingerprints) -> Measure:
    """Measure similarity by fingerprints."""

    def measure(train: Indices, test: Indices) -> Vector:
        known = KnownCompounds(fingerprints[train])
        return np.array([known.nearest_similarity(fingerprints[row]) for row in test])

    return measure


def neighbour_measure(x: FeatureMatrix, *, neighbours: int) -> Measure:
    """Measure similarity by standardised columns; standardisation and reach come from the training rows."""

    def measure(train: Indices, test: Indices) -> Vector:
        found = fit_neighbourhood(x[train], neighbours=neighbours)
        known = found.known()
        return np.array([known.nearest_similarity(x[row, found.axes]) for row in test])

    return measure


def mahalanobis_measure(x: FeatureMatrix) -> Measure:
    """Measure similarity by the distance from the centre of the training rows, in units of their covariance.

    The covariance is shrunk towards the identity after Ledoit and Wolf (2004), because there are about as many columns
    as rows. Similarity is 1 / (1 + d / reach), reach being the median distance of the training rows.
    """

    def measure(train: Indices, test: Indices) -> Vector:
        whole = x[train].astype(np.float64)
        axes = np.flatnonzero(whole.std(axis=0) > _CONSTANT)
        centre, spread = whole[:, axes].mean(axis=0), whole[:, axes].std(axis=0)
        standard = (whole[:, axes] - centre) / spread
        inverse = np.asarray(np.linalg.inv(shrunk_covariance(standard)), dtype=np.float64)
        reach = float(np.median(_lengths(standard, inverse))) or 1.0
        return np.asarray(1.0 / (1.0 + _lengths((x[test][:, axes] - centre) / spread, inverse) / reach))

    return measure


def shrunk_covariance(standard: NDArray[np.float64]) -> NDArray[np.float64]:
    """Covariance of centred rows of shape (n, d), shrunk towards a multiple of the identity.

    Source: Ledoit and Wolf 2004, doi 10.1016/S0047-259X(03)00096-4.
    """
    rows, columns = standard.shape
    sample = standard.T @ standard / rows
    mean = np.trace(sample) / columns
    target = mean * np.eye(columns)
    distance = np.square(sample - target).sum() / columns
    noise = (np.square(standard).T @ np.square(standard) / rows - np.square(sample)).sum() / (rows * columns)
    share = min(noise, distance) / distance if distance else 1.0
    return np.asarray(share * target + (1.0 - share) * sample)


def _lengths(rows: NDArray[np.float64], inverse: NDArray[np.float64]) -> Vector:
    return np.asarray(np.sqrt(np.einsum("ij,jk,ik->i", rows, inverse, rows)))


def held_out_similarity(measure: Measure, rows: int, folds: Iterable[Fold]) -> Vector:
    """Similarity of every row to the nearest one of the folds it was predicted from."""
    similarity = np.full(rows, np.nan)
    for train, test in folds:
        similarity[test] = measure(train, test)
    return similarity


def band_errors(similarity: Vector, errors: Vector) -> tuple[DomainBand, ...]:
    """Average the error per similarity band.

    Args:
        similarity: shape (repeats, n).
        errors: absolute errors of the same predictions.
    """
    repeats = np.atleast_2d(similarity).shape[0]
    bands = []
    for low, high in pairwise(BAND_EDGES):
        chosen = (similarity >= low) & ((similarity < high) | (high == BAND_EDGES[-1]))
        mae = round(float(errors[chosen].mean()), 2) if chosen.any() else None
        bands.append(DomainBand(low, high, round(float(chosen.sum()) / repeats, 1), mae))
    return tuple(bands)


def split_error(similarity: Vector, errors: Vector, threshold: float) -> tuple[float | None, float | None]:
    """Mean absolute error inside and outside the domain; None where no row fell."""
    inside = similarity >= threshold
    return _mean(errors[inside]), _mean(errors[~inside])


def _mean(values: Vector) -> float | None:
    return round(float(values.mean()), 2) if values.size else None
