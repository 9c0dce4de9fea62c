"""A model's answers beside measurements: rows of the request, or experiments that are kept here."""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import date
from typing import Annotated, NamedTuple

import msgspec

from model_server.drift.labels import Label
from model_server.errors import ModelServerError, RequestRefusedError
from model_server.experiments.ledger import ExperimentLedger, between
from model_server.experiments.row import ExperimentRow, is_of, molecule_question
from model_server.features.recipes import MoleculeRecipe
from model_server.registry.validation import Observed, Validation, validate_rows
from model_server.serve.api.predictions import Asked, Predictions
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.predictor import Predictor
from model_server.serve.shelf import Shelf
from model_server.serve.wire import MAX_INPUTS, Conditions, Level, Name, PartInput, QuestionInput, encode

# Chosen: a few seconds of describing molecules that were never seen; narrower days give the rest.
MAX_EXPERIMENTS = 1000
_MOST_SHOWN = 100


class ObservedInput(QuestionInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question and what was measured, in the model's unit."""

    actual: float
    key: Name | None = None


class ExperimentRange(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename={"first": "from", "last": "to"}):
    """Days of measurement, both included; absent sides are open."""

    first: date | None = None
    last: date | None = None


class ValidationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/validations: either `rows`, or `experiments` of some days that were sent before."""

    model: Name
    rows: Annotated[list[ObservedInput], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)] | msgspec.UnsetType = (
        msgspec.UNSET
    )
    experiments: ExperimentRange | msgspec.UnsetType = msgspec.UNSET
    confidence_level: Level | msgspec.UnsetType = msgspec.UNSET
    version: Name | msgspec.UnsetType = msgspec.UNSET
    conditions: Conditions = {}


class ValidationAnswer(msgspec.Struct, frozen=True):
    """Body of an answer to POST /api/v1/validations; `left_out` says which experiments could not be asked about."""

    model: str
    version: str
    unit: str
    confidence_level: float
    validation: Validation
    left_out: tuple[str, ...]


class Measured(NamedTuple):
    """A described question, what was measured, and how the row is called."""

    asked: Asked
    actual: float
    key: str


class Validating:
    """The handler over the predictions and the experiments of a worker."""

    def __init__(self, shelf: Shelf, predictions: Predictions, ledger: ExperimentLedger) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._predictions = predictions
        self._ledger = ledger

    def validate(self, call: Call) -> Awaitable[Answer]:
        """Predict for measured rows and say how far off, how often inside, and which rows stand out."""
        return self._validate(call.body)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [
            Endpoint(
                "POST",
                "/api/v1/validations",
                self.validate,
                "Answers beside measurements.",
                "Evaluation",
                role=Role.SCIENTIST,
                body=ValidationRequest,
                answer=ValidationAnswer,
                statuses=(400, 409, 413, 415, 422, 503),
            )
        ]

    async def _validate(self, request: ValidationRequest) -> Answer:
        version = None if isinstance(request.version, msgspec.UnsetType) else request.version
        predictor = self._shelf.find(request.model, version, status=422, path="model")
        asked_level = None if isinstance(request.confidence_level, msgspec.UnsetType) else request.confidence_level
        level = predictor.choose_level(asked_level)
        measured, left_out = await self._measured(request, predictor)
        answers = self._predictions.answer_all([row.asked for row in measured], level)
        self._learn(predictor, measured)
        observed = [
            Observed(
                key=row.key,
                actual=row.actual,
                predicted=answered.prediction,
                lower=answered.lower,
                upper=answered.upper,
                in_domain=answered.in_domain,
            )
            for row, answered in zip(measured, answers, strict=True)
        ]
        name, unit = predictor.name, predictor.card.model.unit
        validation = validate_rows(observed, level=level)
        return Answer(200, encode(ValidationAnswer(name.name, name.version, unit, level, validation, left_out)))

    async def _measured(
        self, request: ValidationRequest, predictor: Predictor
    ) -> tuple[list[Measured], tuple[str, ...]]:
        if isinstance(request.rows, msgspec.UnsetType) == isinstance(request.experiments, msgspec.UnsetType):
            message = "give either rows or experiments"
            raise RequestRefusedError(message, code="invalid_request", status=422, path="rows")
        if not isinstance(request.rows, msgspec.UnsetType):
            return await self._describe_rows(request.rows, request.conditions, predictor), ()
        assert not isinstance(request.experiments, msgspec.UnsetType)  # noqa: S101 - one of the two is there
        days = request.experiments
        kept = between(await asyncio.to_thread(self._ledger.rows), days.first, days.last)
        rows = [each.row for each in kept if is_of(each.row, predictor.card.model.family)]
        if not 0 < len(rows) <= MAX_EXPERIMENTS:
            message = (
                f"{len(rows)} experiments of these days measure what {request.model} predicts; choose days with 1 to "
            )
            raise RequestRefusedError(
                message + f"{MAX_EXPERIMENTS}", code="no_experiments", status=422, path="experiments"
            )
        return await self._describe_experiments(rows, request.conditions, predictor)

    async def _describe_rows(
        self, rows: Sequence[ObservedInput], conditions: Conditions, predictor: Predictor
    ) -> list[Measured]:
        measured = []
        for index, row in enumerate(rows):
            asked = self._predictions.ask(predictor, row, conditions, at=f"rows[{index}]")
            measured.append(Measured(asked, row.actual, row.key or asked.described.canonical))
            await asyncio.sleep(0)
        return measured

    async def _describe_experiments(
        self, rows: Sequence[ExperimentRow], conditions: Conditions, predictor: Predictor
    ) -> tuple[list[Measured], tuple[str, ...]]:
        measured, left_out = [], []
        for row in rows:
            at = f"experiment {row.experiment_id}"
            try:
                asked = self._predictions.ask(predictor, _question(row, predictor), conditions, at=at)
                measured.append(Measured(asked, row.value, row.experiment_id))
            except ModelServerError as error:
                text = str(error)
                left_out.append(text if text.startswith(at) else f"{at}: {text}")
            await asyncio.sleep(0)
        if not measured:
            message = f"none of {len(rows)} experiments can be asked about: {'; '.join(left_out[:3])}"
            raise RequestRefusedError(message, code="no_experiments", status=422, path="experiments")
        return measured, tuple(left_out[:_MOST_SHOWN])

    def _learn(self, predictor: Predictor, measured: Sequence[Measured]) -> None:
        """Hand measurements to the drift watch, which judges every one at the default level."""
        answers = self._predictions.answer_all([row.asked for row in measured], predictor.card.intervals.default_level)
        for row, answered in zip(measured, answers, strict=True):
            label = Label(answered.lower <= row.actual <= answered.upper, abs(row.actual - answered.prediction))
            predictor.watch.labels.add(f"{row.key}\0{row.asked.described.key}", row.actual, label)


def _question(row: ExperimentRow, predictor: Predictor) -> QuestionInput:
    """Put an experiment as a caller would have put the question."""
    recipe = predictor.recipe
    if isinstance(recipe, MoleculeRecipe):
        asked = molecule_question(row, recipe)
        return QuestionInput(smiles=asked.smiles, conditions=asked.conditions)
    parts = [PartInput(part.amount, part.unit, part.name, part.smiles) for part in row.components]
    return QuestionInput(mixture=parts, conditions=row.conditions)
