"""Experiments of the database as a data set: typed rows in, samples of a model out; the query belongs to the database.

A row joins an experiment, one of its measured properties and the components of its mixture. Everything a model cannot
use is left out with its reason, never guessed: an unknown ingredient, an amount whose conversion needs a density, a
property in another unit.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec
from rdkit import Chem

from model_server.data.manifest import Manifest, SplitRule
from model_server.data.samples import Entry, Samples, composition_entry, merge_entries, molecule_entry
from model_server.errors import (
    ConditionInvalidError,
    DatasetInvalidError,
    DatasetMissingError,
    IngredientUnknownError,
    MoleculeInvalidError,
    UnitConversionError,
)
from model_server.experiments.row import ExperimentRow, Family, check_row, is_of, molecule_question
from model_server.features.mixtures import Part, resolve_parts
from model_server.features.molecules import parse_molecule
from model_server.features.recipes import MoleculeRecipe, Recipe, fill_conditions

_MOST_SHOWN = 20


@dataclass(frozen=True)
class Converted:
    """Samples that a model can learn from or be validated on, and why rows were left out.

    Args:
        samples: merged; absent when no row could be used.
        used: experiments behind them.
        left_out: one sentence per row.
    """

    samples: Samples | None
    used: tuple[str, ...]
    left_out: tuple[str, ...]


class ExperimentFile(NamedTuple):
    """Rows of a file as `cryo data experiments` writes it, and the sha256 of its bytes."""

    rows: tuple[ExperimentRow, ...]
    sha256: str


def read_experiment_file(path: Path) -> ExperimentFile:
    """Read rows that the database or the model server exported.

    Raises:
        DatasetMissingError: the file cannot be read (permanent).
        DatasetInvalidError: it is not such a file, or a row of it is wrong (permanent).
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DatasetMissingError(f"{path}: {error.strerror}; write it with `cryo data experiments --out`") from error
    try:
        rows = msgspec.json.decode(content, type=_File).rows
    except msgspec.DecodeError as error:
        raise DatasetInvalidError(f"{path}: {error}; write it with `cryo data experiments --out`") from error
    return ExperimentFile(rows, hashlib.sha256(content).hexdigest())


class _File(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    rows: tuple[ExperimentRow, ...]


@dataclass(frozen=True)
class Entries:
    """Rows on their way to being merged, the experiments behind them, and one sentence per row left out."""

    entries: tuple[Entry, ...]
    used: tuple[str, ...]
    left_out: tuple[str, ...]


def experiment_entries(rows: Iterable[ExperimentRow], manifest: Manifest, recipe: Recipe, *, family: Family) -> Entries:
    """Turn rows into entries of a model's own set; arguments as of `convert_experiments`."""
    entries: list[Entry] = []
    used: list[str] = []
    left_out: list[str] = []
    for row in rows:
        if not is_of(row, family):
            continue
        try:
            entries.append(_convert(row, manifest, recipe))
            used.append(row.experiment_id)
        except (
            ConditionInvalidError,
            DatasetInvalidError,
            IngredientUnknownError,
            MoleculeInvalidError,
            UnitConversionError,
        ) as error:
            left_out.append(f"experiment {row.experiment_id}: {error}")
    return Entries(tuple(entries), tuple(used), tuple(left_out))


def convert_experiments(
    rows: Iterable[ExperimentRow], manifest: Manifest, recipe: Recipe, *, family: Family
) -> Converted:
    """Turn rows into samples.

    Args:
        rows: as the database returns them; other properties are skipped silently.
        manifest: of the model's own data set; its target range is enforced.
        recipe: of the model.
        family: which property is wanted.
    """
    found = experiment_entries(rows, manifest, recipe, family=family)
    # Batches of the database are days, whatever the model's own set is split by.
    by_day = SplitRule("date", "column", "experiments of one day share cells, plate and operator", 0)
    by_structure = SplitRule("compound", "structure", "repeats of one compound belong together", 10)
    own = msgspec.structs.replace(manifest, splits=(by_structure if recipe.kind == "molecule" else by_day,))
    samples = merge_entries(own, found.entries, found.left_out[:_MOST_SHOWN]) if found.entries else None
    return Converted(samples, found.used, found.left_out)


def _convert(row: ExperimentRow, manifest: Manifest, recipe: Recipe) -> Entry:
    check_row(row)
    target = manifest.column("target")
    low, high = target.minimum, target.maximum
    if not (low is None or row.value >= low) or not (high is None or row.value <= high):
        raise DatasetInvalidError(f"{row.property_name} {row.value:g} is outside {low} to {high} {row.unit}")
    if isinstance(recipe, MoleculeRecipe):
        question = molecule_question(row, recipe)
        fill_conditions(recipe.conditions, question.conditions)
        molecule = parse_molecule(question.smiles)
        key = Chem.MolToSmiles(molecule.mol) if manifest.merge == "stereoisomer" else molecule.canonical
        return replace(molecule_entry(molecule, row.value, question.conditions), key=key)
    amounts = resolve_parts(Part(part.amount, part.unit, part.name, part.smiles) for part in row.components)
    return composition_entry(amounts, row.value, row.measured_on.isoformat())
