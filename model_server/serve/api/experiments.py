"""Experiments: send results of the laboratory, list them, and find those that a model can be validated on."""

import asyncio
from collections.abc import Mapping
from datetime import date
from typing import Annotated

import msgspec

from model_server.errors import ModelServerError, RequestRefusedError
from model_server.experiments.ledger import ExperimentLedger, Kept, between
from model_server.experiments.row import PROPERTIES, ComponentRow, ExperimentRow, check_row, is_of
from model_server.serve.api.paging import PARAMETERS, cut_page
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint, Parameter
from model_server.serve.http.message import Answer
from model_server.serve.shelf import Shelf
from model_server.serve.wire import MAX_PARTS, Conditions, Name, encode

_PATH = "/api/v1/experiments"
_TAG = "Experiments"
# Chosen: with four components a row is about 500 bytes; as many as a body holds.
MAX_ROWS = 500
_DAY = {"type": "string", "format": "date"}

Identifier = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,63}$")]
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Smiles = Annotated[str, msgspec.Meta(max_length=512)]
Amount = Annotated[float, msgspec.Meta(ge=0.0)]


class ComponentInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One component, by structure or by name. A pure compound has the amount 1 and the unit `mole fraction`."""

    amount: Amount
    unit: Text
    name: Name | None = None
    smiles: Smiles | None = None


class ExperimentInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One measured property of one experiment; the same id and property again corrects it."""

    experiment_id: Identifier
    measured_on: date
    property_name: Text
    value: float
    unit: Text
    components: Annotated[list[ComponentInput], msgspec.Meta(min_length=1, max_length=MAX_PARTS)]
    conditions: Conditions = {}


class ExperimentsRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/experiments; taken whole or refused whole."""

    rows: Annotated[list[ExperimentInput], msgspec.Meta(min_length=1, max_length=MAX_ROWS)]


class ExperimentsAnswer(msgspec.Struct, frozen=True):
    """What became of the rows."""

    added: int
    changed: int
    unchanged: int


class ExperimentEntry(msgspec.Struct, frozen=True):
    """One row, whose family of models it can judge, who sent it and when (ISO 8601, UTC)."""

    experiment_id: str
    measured_on: date
    property_name: str
    family: str
    value: float
    unit: str
    components: tuple[ComponentRow, ...]
    conditions: dict[str, float]
    sent_by: str
    sent_at: str


class ExperimentList(msgspec.Struct, frozen=True):
    """A page of experiments, oldest measurement first; `next` is the cursor of the following one."""

    experiments: list[ExperimentEntry]
    next: str | None


class Experiments:
    """Handlers over the ledger."""

    def __init__(self, shelf: Shelf, ledger: ExperimentLedger) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._ledger = ledger

    async def list_rows(self, call: Call) -> Answer:
        """List rows, oldest measurement first."""
        first, last = read_day(call.query, "from"), read_day(call.query, "to")
        family = self._family(call.query)
        kept = between(await asyncio.to_thread(self._ledger.rows), first, last)
        chosen = {each.row.key: each for each in kept if family is None or is_of(each.row, family)}
        page, following = cut_page(list(chosen), call.query)
        return Answer(200, encode(ExperimentList([_entry(chosen[key]) for key in page], following)))

    async def add(self, call: Call) -> Answer:
        """Keep rows that are all in order."""
        request: ExperimentsRequest = call.body
        rows = [_checked(row, f"rows[{index}]") for index, row in enumerate(request.rows)]
        if len({row.key for row in rows}) < len(rows):
            message = "an experiment's property is given twice; send each once"
            raise RequestRefusedError(message, code="invalid_request", status=422, path="rows")
        who = call.principal.who if call.principal else "unknown"
        added = await asyncio.to_thread(self._ledger.add, rows, who=who)
        return Answer(200, encode(ExperimentsAnswer(*added)))

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        return [
            Endpoint(
                "GET",
                _PATH,
                self.list_rows,
                "List results of the laboratory.",
                _TAG,
                role=Role.VIEWER,
                answer=ExperimentList,
                query=(
                    *PARAMETERS,
                    Parameter("model", "Only what a model can be validated on: its family's property."),
                    Parameter("family", "Only a family's property.", schema={"enum": ["tg", "iri", "viability"]}),
                    Parameter("from", "First day of measurement.", schema=_DAY),
                    Parameter("to", "Last day of measurement.", schema=_DAY),
                ),
                statuses=(404, 409, 422, 503),
            ),
            Endpoint(
                "POST",
                _PATH,
                self.add,
                "Send results of the laboratory.",
                _TAG,
                role=Role.SCIENTIST,
                body=ExperimentsRequest,
                answer=ExperimentsAnswer,
                statuses=(409, 422),
            ),
        ]

    def _family(self, query: Mapping[str, str]) -> str | None:
        family, model = query.get("family"), query.get("model")
        if family is not None and family not in {known.family for known in PROPERTIES.values()}:
            message = "family must be tg, iri or viability"
            raise RequestRefusedError(message, code="invalid_query", status=422, path="family")
        if model is None:
            return family
        own = self._shelf.find(model, status=404).card.model.family
        if family not in {None, own}:
            message = f"{model} is of the family {own}; leave family out"
            raise RequestRefusedError(message, code="invalid_query", status=422, path="family")
        return own


def read_day(query: Mapping[str, str], name: str) -> date | None:
    """Read a day of a query.

    Raises:
        RequestRefusedError: 422 when it is none (permanent).
    """
    text = query.get(name)
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        message = f"{name} must be a day such as 2026-03-01"
        raise RequestRefusedError(message, code="invalid_query", status=422, path=name) from error


def _checked(given: ExperimentInput, at: str) -> ExperimentRow:
    row = msgspec.convert(msgspec.to_builtins(given), ExperimentRow)
    try:
        check_row(row)
    except ModelServerError as error:
        raise RequestRefusedError(f"{at}: {error}", code="invalid_experiment", status=422, path=at) from error
    return row


def _entry(kept: Kept) -> ExperimentEntry:
    row = kept.row
    return ExperimentEntry(
        row.experiment_id,
        row.measured_on,
        row.property_name,
        PROPERTIES[row.property_name].family,
        row.value,
        row.unit,
        row.components,
        row.conditions,
        kept.sent_by,
        kept.sent_at,
    )
