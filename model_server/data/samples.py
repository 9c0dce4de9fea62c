"""What a model learns from: repeated measurements merged, and the splits that keep related rows apart.

Group first, then average: averaging rows that a split has already separated would leak one compound to both sides.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rdkit import Chem
from rdkit.Chem.Scaffolds import MurckoScaffold

from model_server.data.manifest import DataColumn, Manifest, SplitRule
from model_server.data.splits import Split
from model_server.data.table import Row, Table
from model_server.errors import DatasetInvalidError
from model_server.features.columns import FeatureMatrix, FeatureRow
from model_server.features.mixtures import write_composition
from model_server.features.molecules import Molecule
from model_server.features.recipes import CompositionRecipe, MoleculeRecipe, Recipe

# Chosen: one name for every structure without a ring; all of them are held out together.
ACYCLIC = "acyclic"

Composition = Mapping[str, float]


@dataclass(frozen=True)
class Entry:
    """One row on its way to being merged; rows of one key are repeats, rows of one structure belong together."""

    key: str
    structure: str
    given: Molecule | Composition
    conditions: Mapping[str, float]
    groups: frozenset[str]
    value: float


@dataclass(frozen=True)
class Samples:
    """The rows of one model, sorted by key.

    Args:
        manifest: where the values come from.
        keys: SMILES, with stereochemistry where the manifest keeps it, or the composition and its batch; unique.
        inputs: a molecule or the amounts by ingredient, per row.
        conditions: given beside it, per row.
        values: mean target per row, in the target's unit; shape (n,).
        ranges: largest minus smallest merged value; shape (n,).
        measurements: number of rows that were merged.
        excluded: what was left out and why.
        splits: as the manifest declares them, the primary one first.
        added: rows among them that are not from the data set's file.
    """

    manifest: Manifest
    keys: tuple[str, ...]
    inputs: tuple[Molecule, ...] | tuple[Composition, ...]
    conditions: tuple[Mapping[str, float], ...]
    values: NDArray[np.float64]
    ranges: NDArray[np.float64]
    measurements: int
    excluded: tuple[str, ...]
    splits: tuple[Split, ...]
    added: "Added | None" = None

    def __len__(self) -> int:
        """Count the rows."""
        return len(self.keys)

    @property
    def target(self) -> DataColumn:
        """The target's column: unit and direction."""
        return self.manifest.column("target")

    @property
    def primary(self) -> Split:
        """The split that figures are quoted by."""
        return self.splits[0]

    def matrix(self, recipe: Recipe) -> FeatureMatrix:
        """Describe every row; shape (n, d)."""
        given: Sequence[Molecule | Composition] = self.inputs
        rows = [_row(recipe, one, conditions) for one, conditions in zip(given, self.conditions, strict=True)]
        return np.stack(rows)


def _row(recipe: Recipe, given: Molecule | Composition, conditions: Mapping[str, float]) -> FeatureRow:
    if isinstance(given, Molecule):
        if isinstance(recipe, MoleculeRecipe):
            return recipe.row(given, conditions)
    elif isinstance(recipe, CompositionRecipe):
        return recipe.row(given, conditions)
    raise DatasetInvalidError(f"recipe {recipe.name} is made for other rows than these; correct the catalogue")


@dataclass(frozen=True)
class Added:
    """Rows from elsewhere than the data set's file.

    Args:
        entries: to be merged with those of the file.
        sha256: of the file they came in.
        left_out: one sentence per row that could not be used.
    """

    entries: tuple[Entry, ...]
    sha256: str
    left_out: tuple[str, ...]


def build_samples(table: Table, recipe: Recipe, added: Added | None = None) -> Samples:
    """Merge the repeats of a table, keeping the rows that have every condition the recipe needs.

    Args:
        table: of the data set.
        recipe: of the model.
        added: rows from elsewhere; None for none.

    Raises:
        DatasetInvalidError: the table has no column that the recipe or a split needs (permanent).
    """
    manifest = table.manifest
    entries = [_read_entry(manifest, row, recipe) for row in table.rows]
    complete = [entry for entry in entries if all(math.isfinite(value) for value in entry.conditions.values())]
    excluded = list(table.excluded)
    if len(complete) < len(entries):
        names = ", ".join(condition.name for condition in recipe.conditions)
        excluded.append(f"{len(entries) - len(complete)} rows, dropped: no value for {names}")
    if added is None:
        return merge_entries(manifest, complete, tuple(excluded))
    merged = merge_entries(manifest, [*complete, *added.entries], (*excluded, *added.left_out))
    return replace(merged, added=added)


def merge_entries(manifest: Manifest, entries: Sequence[Entry], excluded: tuple[str, ...] = ()) -> Samples:
    """Average the entries of one key."""
    by_key: dict[str, list[Entry]] = {}
    for entry in entries:
        by_key.setdefault(entry.key, []).append(entry)
    merged = [by_key[key] for key in sorted(by_key)]
    values = [[entry.value for entry in group] for group in merged]
    inputs: tuple[Any, ...] = tuple(group[0].given for group in merged)
    return Samples(
        manifest=manifest,
        keys=tuple(sorted(by_key)),
        inputs=inputs,
        conditions=tuple(_mean_conditions(group) for group in merged),
        values=np.array([np.mean(group) for group in values]),
        ranges=np.array([max(group) - min(group) for group in values]),
        measurements=len(entries),
        excluded=excluded,
        splits=tuple(Split(rule, tuple(_labels(rule, group) for group in merged)) for rule in manifest.splits),
    )


def molecule_entry(molecule: Molecule, value: float, conditions: Mapping[str, float] | None = None) -> Entry:
    """Make the entry of a molecule, for rows that come from elsewhere than a file."""
    return Entry(molecule.canonical, molecule.canonical, molecule, conditions or {}, frozenset(), value)


def composition_entry(amounts: Composition, value: float, batch: str) -> Entry:
    """Make the entry of a composition measured in a batch."""
    text = write_composition(amounts)
    return Entry(f"{text} @ {batch}", text, amounts, {}, frozenset((batch,)), value)


def _read_entry(manifest: Manifest, row: Row, recipe: Recipe) -> Entry:
    value = row.number(manifest.column("target").header)
    if isinstance(recipe, MoleculeRecipe):
        molecule = row.molecule(manifest.column("molecule").header)
        key = Chem.MolToSmiles(molecule.mol) if manifest.merge == "stereoisomer" else molecule.canonical
        conditions = _read_conditions(manifest, row, recipe)
        return Entry(key, molecule.canonical, molecule, conditions, frozenset(), value)
    amounts = {
        header.removesuffix("_M").removesuffix("_pct"): row.number(header)
        for header, column in manifest.by_header().items()
        if column.role == "ingredient"
    }
    groups = _read_groups(manifest, row)
    text = write_composition(amounts)
    present = {name: amount for name, amount in amounts.items() if amount > 0}
    return Entry(f"{text} @ {'; '.join(sorted(groups))}", text, present, {}, groups, value)


def _read_conditions(manifest: Manifest, row: Row, recipe: MoleculeRecipe) -> dict[str, float]:
    headers = {column.condition: column.header for column in manifest.columns if column.role == "condition"}
    found = {}
    for condition in recipe.conditions:
        if condition.name not in headers:
            raise DatasetInvalidError(
                f"{manifest.name}: no column gives {condition.name}; recipe {recipe.name} needs it"
            )
        found[condition.name] = row.number(headers[condition.name])
    return found


def _read_groups(manifest: Manifest, row: Row) -> frozenset[str]:
    column = manifest.find("group")
    if column is None:
        return frozenset()
    text = row.text(column.header)
    parts = text.split(column.separator) if column.separator else [text]
    return frozenset(name for part in parts if (name := _spell_group(part)))


def _spell_group(text: str) -> str:
    """Spell one paper one way: with or without resolver, with a mistyped slash, in either case."""
    spelled = text.strip().lower().rstrip(".").replace("=", "/")
    position = spelled.find("10.")
    return spelled[position:] if position >= 0 and "/" in spelled[position:] else spelled


def _mean_conditions(group: Sequence[Entry]) -> dict[str, float]:
    return {name: float(np.mean([entry.conditions[name] for entry in group])) for name in group[0].conditions}


def _labels(rule: SplitRule, group: Sequence[Entry]) -> frozenset[str]:
    first = group[0]
    if rule.by == "column":
        return first.groups
    if rule.by == "scaffold":
        if not isinstance(first.given, Molecule):
            raise DatasetInvalidError(f"split {rule.name}: a composition has no scaffold; correct the manifest")
        return frozenset((_scaffold(first.given),))
    return frozenset((first.structure,))


def _scaffold(molecule: Molecule) -> str:
    scaffold = MurckoScaffold.GetScaffoldForMol(molecule.mol)  # type: ignore[no-untyped-call] # untyped part of RDKit
    return Chem.MolToSmiles(scaffold, isomericSmiles=False) or ACYCLIC
