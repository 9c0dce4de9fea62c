"""A mixture as somebody writes it down, turned into amounts of known ingredients in their units."""

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType
from typing import NamedTuple

from model_server.errors import IngredientUnknownError
from model_server.features.ingredients import INGREDIENTS, Ingredient
from model_server.features.molecules import parse_molecule
from model_server.features.units import convert_amount, parse_unit


class Part(NamedTuple):
    """One component as given: a name or a SMILES string, an amount and its unit."""

    amount: float
    unit: str
    name: str | None = None
    smiles: str | None = None


def resolve_parts(parts: Iterable[Part]) -> Mapping[str, float]:
    """Sum the parts per ingredient, each in the ingredient's unit.

    Raises:
        IngredientUnknownError: neither name nor structure is a known ingredient (permanent, 422).
        UnitConversionError: the amount cannot be expressed in that unit with what is known (permanent, 422).
        MoleculeInvalidError: the SMILES string cannot be parsed (permanent, 422).
    """
    amounts: dict[str, float] = {}
    for part in parts:
        ingredient = find_ingredient(part)
        amount = convert_amount(part.amount, parse_unit(part.unit), ingredient.unit, ingredient.substance)
        amounts[ingredient.name] = amounts.get(ingredient.name, 0.0) + amount
    return amounts


def find_ingredient(part: Part) -> Ingredient:
    """Look an ingredient up by name, else by structure."""
    if part.name is not None:
        found = _by_spelling().get(_spelling(part.name))
        if found is not None:
            return found
    if part.smiles is not None:
        found = _by_structure().get(parse_molecule(part.smiles).canonical)
        if found is not None:
            return found
    asked = part.name if part.name is not None else part.smiles
    raise IngredientUnknownError(
        f"{asked!r} is not among the {len(INGREDIENTS)} ingredients of the data; leave it out or use one of: "
        + ", ".join(ingredient.name for ingredient in INGREDIENTS)
    )


def is_ingredient_name(text: str) -> bool:
    """Whether a text is the name of a known ingredient, in any of its spellings."""
    return _spelling(text) in _by_spelling()


def write_composition(amounts: Mapping[str, float]) -> str:
    """Spell a composition the same way whatever order it came in, such as ``1.73 mol/L glycerol + 7.3 % hsa``."""
    units = {ingredient.name: ingredient.unit.removesuffix(" w/v") for ingredient in INGREDIENTS}
    present = [(name, amount) for name, amount in sorted(amounts.items()) if amount > 0]
    texts = [f"{amount:.4g} {units[name]} {name.replace('_', ' ')}" for name, amount in present]
    return " + ".join(texts) or "no cryoprotectant"


def _spelling(name: str) -> str:
    return " ".join(name.strip().lower().replace("_", " ").split())


@cache
def _by_spelling() -> Mapping[str, Ingredient]:
    return MappingProxyType({_spelling(name): entry for entry in INGREDIENTS for name in (entry.name, *entry.aliases)})


@cache
def _by_structure() -> Mapping[str, Ingredient]:
    return MappingProxyType(
        {parse_molecule(entry.smiles).canonical: entry for entry in INGREDIENTS if entry.smiles is not None}
    )
