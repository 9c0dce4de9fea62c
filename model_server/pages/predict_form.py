"""The Predict form: from its fields to a request of the API, and from a refusal back to the field it is about; pure."""

import math
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

from model_server.errors import ModelServerError, MoleculeInvalidError, RequestRefusedError
from model_server.features.mixtures import Part, is_ingredient_name, resolve_parts
from model_server.features.molecules import parse_molecule
from model_server.serve.wire import MAX_PARTS

MOLECULE, MIXTURE = "molecule", "mixture"
FEWEST_ROWS = 4
_CONDITION = "condition-"
_ALL_WATER = 100.0
_PART_PATH = re.compile(r"inputs\[0\]\.mixture\[(\d+)\]")
_AT = re.compile(r"^inputs\[0\](?:\.mixture)?: ")
# Fields by the place that the API names.
_PLACES = {
    "inputs[0].smiles": "smiles",
    "inputs[0].mixture": "mixture",
    "confidence_level": "level",
    "version": "version",
    "target": "target",
}


class Row(NamedTuple):
    """One component as it was typed."""

    component: str = ""
    amount: str = ""
    unit: str = ""

    @property
    def is_blank(self) -> bool:
        """Whether nobody filled it in; the unit is always chosen."""
        return not (self.component or self.amount)


class Form(NamedTuple):
    """The form as it was sent.

    Args:
        kind: molecule or mixture.
        target: a model or a family; empty for the first one offered.
        version: empty for the one that leads.
        level: empty for the card's default.
        smiles: of a molecule.
        conditions: as typed, by name.
        rows: of a mixture, blank ones among them.
        water: left in the glass, in per cent, as typed; for the rules.
        asked: whether an answer is wanted; a form that only changes its shape asks for none.
    """

    kind: str
    target: str
    version: str
    level: str
    smiles: str
    conditions: Mapping[str, str]
    rows: tuple[Row, ...]
    water: str
    asked: bool

    @property
    def water_percent(self) -> float:
        """Water left in the glass, in per cent of its weight, for the rules.

        Raises:
            RequestRefusedError: no number from 0 to below 100 (permanent).
        """
        value = _number(self.water, "water") if self.water else 0.0
        if not 0.0 <= value < _ALL_WATER:
            raise _refuse(f"{self.water[:40]} % of water is no glass of a mixture; give 0 to below 100", "water")
        return value


class Mistake(NamedTuple):
    """What is wrong, and with which field; empty for the form as a whole."""

    field: str
    message: str


def read_form(fields: Mapping[str, str]) -> Form:
    """Read the fields; nothing is refused here, since a half-filled form has to be shown again as it is."""
    kind = MIXTURE if fields.get("kind") == MIXTURE else MOLECULE
    smiles = fields.get("smiles", "")
    rows = _read_rows(fields)
    asked = "draft" not in fields and "more" not in fields
    asked = asked and ("smiles" in fields if kind == MOLECULE else "component-1" in fields)
    conditions = {
        name.removeprefix(_CONDITION): value for name, value in fields.items() if name.startswith(_CONDITION) and value
    }
    return Form(
        kind,
        fields.get("target", ""),
        fields.get("version", ""),
        fields.get("level", ""),
        smiles,
        conditions,
        rows,
        fields.get("water", ""),
        asked,
    )


def build_question(form: Form) -> dict[str, Any]:
    """Build the body that the API would be sent.

    Raises:
        RequestRefusedError: a field is empty or no number; `path` is the field (permanent).
    """
    question: dict[str, Any] = {}
    if form.kind == MOLECULE:
        question["smiles"] = form.smiles
    else:
        question["mixture"] = _build_parts(form.rows)
    body: dict[str, Any] = {"target": form.target, "inputs": [question]}
    if form.level:
        body["confidence_level"] = _number(form.level, "level")
    if form.version:
        body["version"] = form.version
    if form.conditions:
        body["conditions"] = {name: _number(text, _CONDITION + name) for name, text in form.conditions.items()}
    return body


def locate(error: RequestRefusedError, form: Form) -> Mistake:
    """Find the field that a refusal is about; the words stay those of the API."""
    path, message = error.path or "", _AT.sub("", str(error))
    part = _PART_PATH.match(path)
    if part is not None:
        filled = [index for index, row in enumerate(form.rows, start=1) if not row.is_blank]
        return Mistake(f"row-{filled[int(part[1])]}", message)
    if path == "inputs[0].mixture":
        return Mistake(_wrong_row(form) or "mixture", message)
    if path == "conditions":
        named = next((name for name in form.conditions if name in message), None)
        return Mistake(_CONDITION + named if named else "conditions", message)
    return Mistake(_PLACES.get(path, path), message)


def part_of(row: Row, field: str) -> dict[str, Any]:
    """A row as a component of the API: by name where the name is known, else by structure where it is one."""
    if not row.component:
        raise _refuse(f"{row.amount} {row.unit} of what? Give a name or a SMILES string.", field)
    if not row.amount:
        raise _refuse(f"how much {row.component}? Give an amount.", field)
    key = "name" if is_ingredient_name(row.component) or not _is_structure(row.component) else "smiles"
    return {key: row.component, "amount": _number(row.amount, field), "unit": row.unit}


def _read_rows(fields: Mapping[str, str]) -> tuple[Row, ...]:
    rows = []
    for index in range(1, MAX_PARTS + 1):
        name, value, unit = (fields.get(f"{what}-{index}", "") for what in ("component", "amount", "unit"))
        rows.append(Row(name, value, unit or "mol/L"))
    last = max((index for index, row in enumerate(rows, start=1) if not row.is_blank), default=0)
    shown = last + 1 if "more" not in fields else last + FEWEST_ROWS
    return tuple(rows[: min(MAX_PARTS, max(FEWEST_ROWS, shown))])


def _build_parts(rows: tuple[Row, ...]) -> list[dict[str, Any]]:
    parts = [part_of(row, f"row-{index}") for index, row in enumerate(rows, start=1) if not row.is_blank]
    if not parts:
        message = "the mixture has no component; fill in at least one row"
        raise _refuse(message, "row-1")
    return parts


def _wrong_row(form: Form) -> str | None:
    """The first row that is wrong on its own."""
    for index, row in enumerate(form.rows, start=1):
        if row.is_blank:
            continue
        part = part_of(row, f"row-{index}")
        try:
            resolve_parts([Part(part["amount"], part["unit"], part.get("name"), part.get("smiles"))])
        except ModelServerError:
            return f"row-{index}"
    return None


def _is_structure(text: str) -> bool:
    try:
        parse_molecule(text)
    except MoleculeInvalidError:
        return False
    return True


def _number(text: str, field: str) -> float:
    try:
        value = float(text.replace(",", "."))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _refuse(f"{text[:40]!r} is not a number; write it like 1.5", field)
    return value


def _refuse(message: str, field: str) -> RequestRefusedError:
    return RequestRefusedError(message, code="invalid_request", status=422, path=field)
