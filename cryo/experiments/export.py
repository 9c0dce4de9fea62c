"""Rows of the database to rows of the model server; what cannot be used is left out with its reason. Pure."""

from collections import Counter
from collections.abc import Iterable
from datetime import date
from typing import Any, NamedTuple

import msgspec

from model_server.errors import ModelServerError
from model_server.experiments.row import ComponentRow, ExperimentRow, check_row
from model_server.features.units import Substance, convert_amount, parse_unit


class Found(NamedTuple):
    """A row as the query returns it; `components` is the JSON array of it."""

    experiment_id: str
    property_id: int
    measured_on: date | None
    property_name: str
    value: float | None
    unit: str | None
    components: list[dict[str, Any]]


class Exported(NamedTuple):
    """What can be sent, and one sentence for each row that cannot."""

    rows: list[ExperimentRow]
    left_out: list[str]


def export_rows(found: Iterable[Found]) -> Exported:
    """Turn rows of the database into rows of the model server.

    An experiment that measured one property several times keeps every value: each gets the number of its row.
    """
    rows: list[ExperimentRow] = []
    left_out: list[str] = []
    given = list(found)
    repeats = Counter((each.experiment_id, each.property_name) for each in given)
    for each in given:
        name = each.experiment_id
        if repeats[each.experiment_id, each.property_name] > 1:
            name = f"{each.experiment_id}:{each.property_id}"
        try:
            rows.append(_export(each, name))
        except (ModelServerError, LookupError) as error:
            left_out.append(f"experiment {name}, {each.property_name}: {error}")
    return Exported(rows, left_out)


class _IncompleteError(LookupError):
    """A row lacks what every measurement has."""


def _export(found: Found, name: str) -> ExperimentRow:
    if found.measured_on is None:
        message = "has no performed_at; say when it was measured"
        raise _IncompleteError(message)
    if found.value is None or found.unit is None:
        message = "its value is a text; record a number with its unit"
        raise _IncompleteError(message)
    components = tuple(msgspec.convert(each, ComponentRow) for each in found.components)
    row = ExperimentRow(name, found.measured_on, found.property_name, found.value, found.unit, components)
    check_row(row)
    for component in components:
        _refuse_without_density(component, alone=len(components) == 1)
    return row


def _refuse_without_density(component: ComponentRow, *, alone: bool) -> None:
    """Leave out what no model can read: amounts per mass or mole of a solution whose density nobody states."""
    unit = parse_unit(component.unit)
    if unit == "mole fraction" and alone and component.amount == 1.0:
        return
    if unit in {"mol/kg", "mole fraction", "% w/w"}:
        convert_amount(component.amount, unit, "mol/L", Substance(component.name or component.smiles or "a component"))
