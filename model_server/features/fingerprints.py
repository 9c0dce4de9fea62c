"""How close a molecule is to what a model has seen: Morgan fingerprints and Tanimoto similarity."""

from collections.abc import Iterable
from functools import cache
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from rdkit.Chem import rdFingerprintGenerator

from model_server.features.molecules import Molecule

# Cited: radius 2 and 2048 bits (ECFP4) are what the applicability figures of the model card were measured with.
RADIUS = 2
BITS = 2048

PackedFingerprints = Annotated[NDArray[np.uint8], "n bytes"]


@cache
def _generator() -> "rdFingerprintGenerator.FingerprintGenerator64":
    return rdFingerprintGenerator.GetMorganGenerator(radius=RADIUS, fpSize=BITS)


def pack_fingerprints(molecules: Iterable[Molecule]) -> PackedFingerprints:
    """Fingerprint molecules as rows of packed bits; shape (n, BITS / 8)."""
    rows = [np.packbits(_generator().GetFingerprintAsNumPy(molecule.mol)) for molecule in molecules]
    return np.stack(rows) if rows else np.empty((0, BITS // 8), dtype=np.uint8)


class KnownCompounds:
    """The compounds a model was trained on, ready for repeated nearest-neighbour questions."""

    def __init__(self, packed: PackedFingerprints) -> None:
        """Prepare the compounds.

        Args:
            packed: shape (n, BITS / 8), as made by `pack_fingerprints`; n >= 1.
        """
        self._words = np.ascontiguousarray(packed).view(np.uint64)
        self._counts = np.bitwise_count(self._words).sum(axis=1, dtype=np.int64)

    def nearest_similarity(self, fingerprint: NDArray[np.uint8]) -> float:
        """Highest Tanimoto similarity to any known compound, 0 to 1.

        Args:
            fingerprint: one packed row, shape (BITS / 8,).
        """
        return float(self.similarities(fingerprint).max())

    def similarities(self, fingerprint: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Tanimoto similarity to every known compound, in their order."""
        words = np.ascontiguousarray(fingerprint).view(np.uint64)
        shared = np.bitwise_count(self._words & words).sum(axis=1, dtype=np.int64)
        union = self._counts + int(np.bitwise_count(words).sum(dtype=np.int64)) - shared
        # A heavy atom always sets a bit, so only rows that are no molecules have an empty union.
        similarity: NDArray[np.float64] = shared / np.maximum(union, 1)
        return similarity
