"""How a model's row is made, by name: the code half of a feature contract, shared by training and serving.

A recipe never changes once a model was released with it; a change is a new recipe with another number.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from model_server.errors import ConditionInvalidError, MoleculeInvalidError, SettingInvalidError
from model_server.features import compositions, descriptors, fragments, polarity
from model_server.features.columns import Column, Condition, FeatureRow
from model_server.features.ingredients import INGREDIENTS, Ingredient
from model_server.features.molecules import Molecule

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Block:
    """A run of columns and what fills them from a molecule.

    Args:
        kind: ``smooth`` columns are compared by distance, ``counts`` by overlap; a kernel model asks.
    """

    kind: Literal["smooth", "counts"]
    columns: tuple[Column, ...]
    fill: Callable[[Molecule], Values]


@dataclass(frozen=True)
class MoleculeRecipe:
    """A row from one molecule and the conditions beside it."""

    name: str
    blocks: tuple[Block, ...]
    conditions: tuple[Condition, ...] = ()
    kind: Literal["molecule"] = field(default="molecule", init=False)

    @property
    def columns(self) -> tuple[Column, ...]:
        """Columns in the order of the row: conditions first, then block by block."""
        given = tuple(Column(entry.name, entry.unit, entry.description) for entry in self.conditions)
        return given + tuple(column for block in self.blocks for column in block.columns)

    @property
    def smooth(self) -> int:
        """Number of leading columns that are compared by distance; the rest are counts."""
        return len(self.conditions) + sum(len(block.columns) for block in self.blocks if block.kind == "smooth")

    def row(self, molecule: Molecule, conditions: Mapping[str, float]) -> FeatureRow:
        """Compute the row of a molecule.

        Raises:
            ConditionInvalidError: a condition is unknown, absent without default, or out of range (permanent, 422).
            MoleculeInvalidError: a column is not a finite number for this molecule (permanent, 422).
        """
        given = fill_conditions(self.conditions, conditions)
        parts = [np.array(given, dtype=np.float64), *(block.fill(molecule) for block in self.blocks)]
        row: FeatureRow = np.concatenate(parts).astype(np.float32)
        if not np.isfinite(row).all():
            names = [column.name for column, value in zip(self.columns, row, strict=True) if not math.isfinite(value)]
            raise MoleculeInvalidError(f"{molecule.canonical}: {', '.join(names)} undefined; send an organic molecule")
        return row


@dataclass(frozen=True)
class CompositionRecipe:
    """A row from the amounts of named ingredients."""

    name: str
    columns: tuple[Column, ...]
    ingredients: tuple[Ingredient, ...]
    conditions: tuple[Condition, ...] = ()
    kind: Literal["composition"] = field(default="composition", init=False)

    @property
    def smooth(self) -> int:
        """Number of columns that are compared by distance: all of them."""
        return len(self.columns)

    def row(self, amounts: Mapping[str, float], conditions: Mapping[str, float]) -> FeatureRow:
        """Compute the row of a composition.

        Raises:
            ConditionInvalidError: a condition is given though there is none, or an amount is impossible (permanent).
            IngredientUnknownError: an ingredient that the data do not have (permanent, 422).
        """
        fill_conditions(self.conditions, conditions)
        return compositions.describe_composition(amounts)


Recipe = MoleculeRecipe | CompositionRecipe


def fill_conditions(known: tuple[Condition, ...], given: Mapping[str, float]) -> tuple[float, ...]:
    """Check the given conditions and fill in defaults, in the recipe's order.

    Raises:
        ConditionInvalidError: unknown, absent without default, or out of range (permanent, 422).
    """
    names = [condition.name for condition in known]
    for name in given:
        if name not in names:
            raise ConditionInvalidError(f"condition {name!r} is not one of {names}; leave it out")
    values = []
    for condition in known:
        value = given.get(condition.name, condition.default)
        if value is None:
            raise ConditionInvalidError(f"condition {condition.name} ({condition.unit}) is needed; give it")
        if not condition.minimum <= value <= condition.maximum:
            raise ConditionInvalidError(
                f"condition {condition.name} is {value:g} and this model knows {condition.minimum:g} to "
                f"{condition.maximum:g} {condition.unit}; ask within that range"
            )
        values.append(float(value))
    return tuple(values)


def compress(values: Values) -> Values:
    """Signed logarithm: keeps the order and the zero, draws in the long tails of sizes and surfaces."""
    compressed: Values = np.sign(values) * np.log1p(np.abs(values))
    return compressed


def _compressed_columns(columns: tuple[Column, ...]) -> tuple[Column, ...]:
    return tuple(Column(f"log_{c.name}", f"ln(1 + {c.unit})", f"signed logarithm: {c.description}") for c in columns)


def _compressed(fill: Callable[[Molecule], object]) -> Callable[[Molecule], Values]:
    def filled(molecule: Molecule) -> Values:
        return compress(np.array(fill(molecule), dtype=np.float64))

    return filled


_DESCRIPTORS = Block("smooth", _compressed_columns(descriptors.COLUMNS), _compressed(descriptors.describe_molecule))
_POLARITY = Block("smooth", _compressed_columns(polarity.COLUMNS), _compressed(polarity.describe_polarity))
_FRAGMENTS = Block("counts", fragments.COLUMNS, fragments.count_fragments)

_MELTING_POINT = Condition("melting_point_k", "K", 50.0, 1000.0, "melting point of the pure, water-free compound")


def _concentration(millimolar: float) -> Condition:
    # The data hold one concentration per assay, so the column can teach nothing; another one is refused, not ignored.
    return Condition(
        "concentration_mm", "mmol/L", millimolar, millimolar, "concentration of the compound in the assay", millimolar
    )


_RECIPES: dict[str, Recipe] = {
    recipe.name: recipe
    for recipe in (
        MoleculeRecipe("structure-1", (_DESCRIPTORS, _FRAGMENTS)),
        MoleculeRecipe("structure-melting-1", (_DESCRIPTORS, _FRAGMENTS), (_MELTING_POINT,)),
        MoleculeRecipe("amino-1", (_DESCRIPTORS, _POLARITY), (_concentration(20.0),)),
        MoleculeRecipe("glycoside-1", (_DESCRIPTORS, _FRAGMENTS), (_concentration(22.0),)),
        CompositionRecipe("composition-1", compositions.COLUMNS, INGREDIENTS),
    )
}


def find_recipe(name: str) -> Recipe:
    """Return a recipe.

    Raises:
        SettingInvalidError: this code has no recipe of that name (permanent).
    """
    recipe = _RECIPES.get(name)
    if recipe is None:
        raise SettingInvalidError(
            f"recipe {name!r} is not one of {sorted(_RECIPES)}; use a version of this code that has it"
        )
    return recipe
