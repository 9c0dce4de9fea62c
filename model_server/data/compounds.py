"""Compounds: repeated measurements of one structure merged, and the splits that keep related structures together.

Group first, then average: averaging rows that a split has already separated would leak one compound to both sides.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from model_server.data.manifest import Manifest
from model_server.data.table import Measurement
from model_server.features.molecules import Molecule

Indices = NDArray[np.intp]
# Chosen: one name for every structure without a ring; all of them are held out together.
ACYCLIC = "acyclic"


@dataclass(frozen=True)
class CompoundSet:
    """The compounds of one data set, sorted by canonical SMILES.

    Args:
        manifest: where the values come from.
        molecules: one per compound.
        values: mean target per compound, in the target's unit; shape (n,).
        ranges: largest minus smallest reported value per compound; shape (n,).
        measurements: number of rows that were merged.
    """

    manifest: Manifest
    molecules: tuple[Molecule, ...]
    values: NDArray[np.float64]
    ranges: NDArray[np.float64]
    measurements: int

    def __len__(self) -> int:
        """Count the compounds."""
        return len(self.molecules)

    @property
    def unit(self) -> str:
        """Unit of the target."""
        return self.manifest.column("target").unit or "1"

    def compound_folds(self, folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
        """Split by compound: the manifest's rule, since each row here is one whole group."""
        return grouped_folds([molecule.canonical for molecule in self.molecules], folds, seed)

    def scaffold_folds(self, folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
        """Split by Murcko scaffold; structures without a ring form one group."""
        return grouped_folds([_scaffold(molecule) for molecule in self.molecules], folds, seed)


def merge_measurements(manifest: Manifest, measurements: Sequence[Measurement]) -> CompoundSet:
    """Average repeated measurements of one structure."""
    by_structure: dict[str, list[Measurement]] = {}
    for measurement in measurements:
        by_structure.setdefault(measurement.molecule.canonical, []).append(measurement)
    groups = [by_structure[canonical] for canonical in sorted(by_structure)]
    values = [[measurement.value for measurement in group] for group in groups]
    return CompoundSet(
        manifest=manifest,
        molecules=tuple(group[0].molecule for group in groups),
        values=np.array([np.mean(group) for group in values]),
        ranges=np.array([max(group) - min(group) for group in values]),
        measurements=len(measurements),
    )


def _scaffold(molecule: Molecule) -> str:
    scaffold = MurckoScaffold.GetScaffoldForMol(molecule.mol)  # type: ignore[no-untyped-call] # untyped part of RDKit
    return Chem.MolToSmiles(scaffold, isomericSmiles=False) or ACYCLIC


def grouped_folds(groups: Sequence[str], folds: int, seed: int) -> Iterator[tuple[Indices, Indices]]:
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
