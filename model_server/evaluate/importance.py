"""Which columns a model relies upon, and how they were distributed: both for the card, both from training rows."""

from collections.abc import Iterable, Sequence

import numpy as np

from model_server.data.splits import Fold
from model_server.evaluate.crossval import Learner
from model_server.evaluate.scores import Vector
from model_server.features.columns import Column, FeatureMatrix
from model_server.registry.figures import Importance, Reference

# Chosen: shuffles per fold; with five folds a mean of fifteen, enough to tell 1 K from nothing on Tg.
SHUFFLES = 3
_BINS = 10


def permutation_importance(  # noqa: PLR0913 - a learner, its data and how they are cut
    learner: Learner, x: FeatureMatrix, y: Vector, columns: Sequence[Column], *, folds: Iterable[Fold], seed: int
) -> tuple[Importance, ...]:
    """Shuffle one column of the held-out rows at a time and see how much the error grows; largest first.

    Columns that share a name up to ``_<number>`` are shuffled together: hashed fragments mean nothing one by one.
    """
    rng = np.random.default_rng(seed)
    groups = _group_columns(columns)
    growth: dict[str, list[float]] = {name: [] for name in groups}
    for number, (train, test) in enumerate(folds):
        fitted = learner(x[train], y[train], seed + number)
        base = float(np.abs(fitted.predict(x[test])[0] - y[test]).mean())
        for name, indices in groups.items():
            if not x[:, indices].std(axis=0).any():
                growth[name].append(0.0)
                continue
            for _ in range(SHUFFLES):
                shuffled = x[test].copy()
                shuffled[:, indices] = shuffled[rng.permutation(len(test))][:, indices]
                growth[name].append(float(np.abs(fitted.predict(shuffled)[0] - y[test]).mean()) - base)
    found = [
        Importance(name, round(float(np.mean(values)), 4), round(float(np.std(values)), 4))
        for name, values in growth.items()
    ]
    return tuple(sorted(found, key=lambda entry: (-entry.mean, entry.column)))


def reference_distributions(x: FeatureMatrix, predictions: Vector, columns: Sequence[Column]) -> tuple[Reference, ...]:
    """Bin every column and the prediction at their deciles; equal deciles are one edge."""
    named = [*((column.name, x[:, index]) for index, column in enumerate(columns)), ("prediction", predictions)]
    return tuple(_reference(name, np.asarray(values, dtype=np.float64)) for name, values in named)


def _reference(name: str, values: Vector) -> Reference:
    edges = np.unique(np.round(np.quantile(values, np.arange(1, _BINS) / _BINS), 6))
    edges = edges[edges < values.max()]
    bins = np.searchsorted(edges, np.round(values, 6), side="left")
    shares = np.bincount(bins, minlength=len(edges) + 1) / len(values)
    return Reference(
        name,
        tuple(float(edge) for edge in edges),
        tuple(round(float(share), 6) for share in shares),
    )


def _group_columns(columns: Sequence[Column]) -> dict[str, list[int]]:
    groups: dict[str, list[int]] = {}
    for index, column in enumerate(columns):
        stem, _, number = column.name.rpartition("_")
        name = f"{stem}_*" if stem == "fragment" and number.isdigit() else column.name
        groups.setdefault(name, []).append(index)
    return groups
