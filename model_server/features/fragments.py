"""Hashed counts of atom environments: what descriptors miss, folded into few columns.

Two environments that share a column are told apart by nothing, which costs little: with 64 columns the Tg error is
13.03 K, with 256 it is 12.96 K and with 1,024 it is 12.90 K (measured 2026-11-22, Gaussian process alone, 4 x 10-fold
by compound). The number is chosen in between, since every column is part of every request.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdFingerprintGenerator

from model_server.features.columns import Column
from model_server.features.molecules import Molecule

RADIUS = 2
SIZE = 128
COLUMNS: tuple[Column, ...] = tuple(
    Column(f"fragment_{index:03d}", "1", f"atom environments of radius 0 to {RADIUS} that hash to {index}")
    for index in range(SIZE)
)


@cache
def _generator() -> "rdFingerprintGenerator.FingerprintGenerator64":
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=SIZE)


def count_fragments(molecule: Molecule) -> NDArray[np.float64]:
    """Count the environments per column; shape (SIZE,)."""
    counts: NDArray[np.float64] = _generator().GetCountFingerprintAsNumPy(molecule.mol).astype(np.float64)
    return counts
