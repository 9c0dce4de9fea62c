"""Folds that never put related rows on both sides, whatever relates them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from model_server.data.manifest import SplitRule

Indices = NDArray[np.intp]
Fold = tuple[Indices, Indices]


@dataclass(frozen=True)
class Split:
    """A rule of the data set and what it makes of its rows.

    Args:
        rule: name, reason and number of folds.
        labels: per row, every group it belongs to: one compound, one date, or all the papers a value was pooled from.
    """

    rule: SplitRule
    labels: tuple[frozenset[str], ...]

    def folds(self, seed: int) -> Iterator[Fold]:
        """Yield (training, test) rows; every row is tested once, and no training row shares a group with a test row."""
        yield from self._folds(range(len(self.labels)), self.rule.folds, seed)

    def inner_folds(self, rows: Indices, seed: int) -> Iterator[Fold]:
        """Yield folds of a subset, as positions within it."""
        yield from self._folds(rows.tolist(), self.rule.folds, seed)

    def count_groups(self, rows: Indices) -> int:
        """Count the groups among some rows; a row of several belongs to the first."""
        return len({min(self.labels[row]) for row in rows})

    def holdout(self, seed: int, parts: int, index: int) -> Fold:
        """Return one fold of a division into so many parts; a rule that holds groups out alone does so here too.

        The index matters: the first part always holds the largest group, so taking it every time would ask about that
        group alone.
        """
        folds = list(self._folds(range(len(self.labels)), parts if self.rule.folds else 0, seed))
        return folds[index % len(folds)]

    def _folds(self, rows: Sequence[int], folds: int, seed: int) -> Iterator[Fold]:
        labels = [self.labels[row] for row in rows]
        first = [min(names) for names in labels]
        count = folds or len(set(first))
        for _, test in grouped_folds(first, min(count, len(set(first))), seed):
            held_out = frozenset().union(*(labels[row] for row in test))
            train = [row for row, names in enumerate(labels) if names.isdisjoint(held_out)]
            yield np.array(train, dtype=np.intp), test


def grouped_folds(groups: Sequence[str], folds: int, seed: int) -> Iterator[Fold]:
    """Yield (training, test) rows per fold so that no group is on both sides and every row is tested once.

    Groups are shuffled with the seed, then the largest go first, each to the smallest fold, so that folds stay even.
    """
    names, counts = np.unique(np.asarray(groups, dtype=str), return_counts=True)
    if len(names) < folds:
        raise ValueError(f"{len(names)} groups cannot fill {folds} folds")
    shuffled = np.random.default_rng(seed).permutation(len(names))
    order = shuffled[np.argsort(-counts[shuffled], kind="stable")]
    sizes = np.zeros(folds, dtype=np.intp)
    fold_of: dict[str, int] = {}
    for index in order:
        smallest = int(np.argmin(sizes))
        fold_of[str(names[index])] = smallest
        sizes[smallest] += counts[index]
    assigned = np.array([fold_of[group] for group in groups])
    for fold in range(folds):
        yield np.flatnonzero(assigned != fold), np.flatnonzero(assigned == fold)
