"""What training looked like, laid out so that a window of traffic is compared with all of it at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_server.registry.figures import Reference

PREDICTION = "prediction"
# A card rounds its edges to six decimals; a value of the same float32 may lie half of the last one above.
_ROUNDING = 5e-7

Matrix = NDArray[np.float64]


class HeldOut(NamedTuple):
    """What the model's evaluation measured on rows it had not seen, in the target's unit.

    Args:
        inside: whether each row lay in the domain of the folds it was predicted from; shape (m,).
        widths: width of each row's interval at the default level; shape (m,).
        errors: absolute error of each row; shape (m,).
        level: the card's default confidence level.
        coverage: share of rows inside their interval at that level, as the card has it.
    """

    inside: NDArray[np.bool_]
    widths: Matrix
    errors: Matrix
    level: float
    coverage: float


@dataclass(frozen=True)
class Profile:
    """References of a card as matrices; d columns, of which the last is the prediction, and at most k inner edges.

    Args:
        names: of the columns.
        edges: inner edges, shape (d, k); infinite where a column has fewer.
        below: share of training rows that do not exceed each edge, shape (d, k); 1 where there is none.
        shares: share of training rows per bin, shape (d, k + 1); 0 where there is none.
        bins: number of bins per column, shape (d,).
        rows: of training.
        held_out: what evaluation measured.
    """

    names: tuple[str, ...]
    edges: Matrix
    below: Matrix
    shares: Matrix
    bins: NDArray[np.int64]
    rows: int
    held_out: HeldOut

    @property
    def comparisons(self) -> int:
        """Edges at which a window is compared: the number of tests that one verdict consists of."""
        return int((self.bins - 1).sum())


def build_profile(references: Sequence[Reference], *, rows: int, held_out: HeldOut) -> Profile:
    """Lay references out.

    Args:
        references: of a card, the prediction last; none for a card that has none.
        rows: number of training rows behind them.
        held_out: what evaluation measured.
    """
    depth = max((len(reference.edges) for reference in references), default=0)
    shape = (len(references), depth)
    edges, below, shares = np.full(shape, np.inf), np.ones(shape), np.zeros((shape[0], depth + 1))
    for row, reference in enumerate(references):
        count = len(reference.edges)
        edges[row, :count] = np.asarray(reference.edges) + _ROUNDING
        shares[row, : count + 1] = reference.shares
        # Shares are rounded to six decimals, so their sum may exceed 1 by as much.
        below[row, :count] = np.minimum(np.cumsum(reference.shares)[:-1], 1.0)
    bins = np.array([len(reference.shares) for reference in references], dtype=np.int64)
    names = tuple(reference.column for reference in references)
    return Profile(names, edges, below, shares, bins, rows, held_out)
