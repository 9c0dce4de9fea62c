"""One measured property of one experiment, checked as far as that is possible without a model; pure."""

import math
from datetime import date
from typing import Literal, NamedTuple

import msgspec
from rdkit.Chem import Descriptors

from model_server.errors import DatasetInvalidError, UnitConversionError
from model_server.features.molecules import parse_molecule
from model_server.features.recipes import MoleculeRecipe
from model_server.features.units import Substance, convert_amount, parse_unit

Family = Literal["tg", "iri", "viability"]


class Property(NamedTuple):
    """A measured quantity that a family of models predicts.

    Args:
        family: of models.
        unit: that its value must have.
        least: smallest value that can be measured.
        most: largest one; a typing error rather than a discovery beyond it.
    """

    family: Family
    unit: str
    least: float
    most: float


# What a property is called in the database. Chosen limits: no organic glass lies above 1,000 K, and additives that
# make ice grow to ten times the control are not reported.
PROPERTIES: dict[str, Property] = {
    "glass_transition_temperature": Property("tg", "K", 1.0, 1000.0),
    "mean_grain_size": Property("iri", "%", 0.0, 1000.0),
    "post_thaw_viability": Property("viability", "%", 0.0, 100.0),
}
PURE = ("mole fraction", 1.0)
_CONCENTRATION = "concentration_mm"


class ComponentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One component of what was measured; `smiles` or `name` is given. A pure compound has the mole fraction 1."""

    amount: float
    unit: str
    name: str | None = None
    smiles: str | None = None


class ExperimentRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured property of one experiment.

    Args:
        experiment_id: for messages and for pairing predictions with it.
        measured_on: day; experiments of one day are one batch.
        property_name: as in `PROPERTIES`.
        value: measured.
        unit: of the value.
        components: what the sample held.
        conditions: numbers beside it, such as ``melting_point_k``.
    """

    experiment_id: str
    measured_on: date
    property_name: str
    value: float
    unit: str
    components: tuple[ComponentRow, ...]
    conditions: dict[str, float] = {}

    @property
    def key(self) -> str:
        """What makes two rows the same measurement."""
        return f"{self.experiment_id}/{self.property_name}"


def check_row(row: ExperimentRow) -> None:
    """Refuse a row that no model could ever use.

    Raises:
        DatasetInvalidError: unknown property, value outside its range, or a component without name and structure
            (permanent).
        UnitConversionError: an unknown unit, or another than the property's (permanent).
        MoleculeInvalidError: a structure cannot be parsed (permanent).
    """
    known = PROPERTIES.get(row.property_name)
    if known is None:
        raise DatasetInvalidError(f"property {row.property_name!r} is not one of {', '.join(PROPERTIES)}")
    if row.unit != known.unit:
        raise UnitConversionError(f"{row.property_name} is in {row.unit!r}; record it in {known.unit}")
    if not known.least <= row.value <= known.most:
        raise DatasetInvalidError(
            f"{row.property_name} {row.value:g} is outside {known.least:g} to {known.most:g} {known.unit}"
        )
    if not row.components:
        message = "no component; name what was measured"
        raise DatasetInvalidError(message)
    for component in row.components:
        parse_unit(component.unit)
        if not (math.isfinite(component.amount) and component.amount >= 0.0):
            raise UnitConversionError(f"{component.amount} {component.unit} is no amount; give a number from 0 up")
        if component.smiles is not None:
            parse_molecule(component.smiles)
        elif not component.name:
            message = "a component has neither name nor structure; give one"
            raise DatasetInvalidError(message)


class MoleculeQuestion(NamedTuple):
    """What a model of single molecules is asked about an experiment."""

    smiles: str
    conditions: dict[str, float]


def molecule_question(row: ExperimentRow, recipe: MoleculeRecipe) -> MoleculeQuestion:
    """Read a row as a question about one molecule.

    Args:
        row: checked.
        recipe: of the model; one with a concentration gets it from the component, one without needs a pure compound.

    Raises:
        DatasetInvalidError: several components, no structure, or not the pure compound (permanent).
        UnitConversionError: the concentration cannot be told in mmol/L (permanent).
    """
    if len(row.components) != 1 or row.components[0].smiles is None:
        raise DatasetInvalidError(f"{len(row.components)} components; one compound with a structure is needed")
    component, smiles = row.components[0], row.components[0].smiles or ""
    unit = parse_unit(component.unit)
    known = {condition.name for condition in recipe.conditions}
    conditions = {name: value for name, value in row.conditions.items() if name in known}
    if _CONCENTRATION in known:
        mass = Descriptors.MolWt(parse_molecule(smiles).mol)  # type: ignore[attr-defined] # made at import time
        substance = Substance(component.name or smiles, molar_mass=mass)
        conditions[_CONCENTRATION] = round(convert_amount(component.amount, unit, "mmol/L", substance), 6)
    elif (unit, component.amount) != PURE:
        raise DatasetInvalidError(
            f"{component.amount:g} {component.unit} of the compound; this model knows it pure, at the mole fraction 1"
        )
    return MoleculeQuestion(smiles, conditions)


def is_of(row: ExperimentRow, family: str) -> bool:
    """Whether a family of models predicts what the row measured."""
    return row.property_name in PROPERTIES and PROPERTIES[row.property_name].family == family
