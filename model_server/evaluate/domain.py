"""Where a model may be asked: error against similarity to the nearest compound of the training folds."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from model_server.evaluate.crossval import Fold
from model_server.evaluate.scores import Vector
from model_server.features.fingerprints import KnownCompounds, PackedFingerprints
from model_server.registry.figures import DomainBand

# Chosen for the table of the card; the outermost bands are what the threshold separates.
BAND_EDGES: tuple[float, ...] = (0.0, 0.3, 0.5, 0.7, 1.0)


def held_out_similarity(fingerprints: PackedFingerprints, folds: Iterable[Fold]) -> Vector:
    """Similarity of every compound to the nearest one of the folds it was predicted from."""
    similarity = np.full(len(fingerprints), np.nan)
    for train, test in folds:
        known = KnownCompounds(fingerprints[train])
        similarity[test] = [known.nearest_similarity(fingerprints[row]) for row in test]
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
    """Mean absolute error inside and outside the domain; None where no compound fell."""
    inside = similarity >= threshold
    return _mean(errors[inside]), _mean(errors[~inside])


def _mean(values: Vector) -> float | None:
    return round(float(values.mean()), 2) if values.size else None
