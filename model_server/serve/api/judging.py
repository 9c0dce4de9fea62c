"""How good a model is: its stored evaluation, two versions side by side, and its answers beside measurements."""

import asyncio
from collections.abc import Awaitable, Sequence
from typing import Annotated

import msgspec

from model_server.drift.labels import Label
from model_server.errors import RequestRefusedError
from model_server.registry.card import Evaluation
from model_server.registry.comparison import Comparison, compare_points
from model_server.registry.folder import Release
from model_server.registry.validation import Observed, Validation, validate_rows
from model_server.serve.api.predictions import Asked, Predictions
from model_server.serve.auth import Role
from model_server.serve.endpoint import Call, Endpoint, Parameter
from model_server.serve.http.message import Answer
from model_server.serve.predictor import Predictor
from model_server.serve.releases import Releases
from model_server.serve.shelf import Shelf
from model_server.serve.wire import MAX_INPUTS, Conditions, Level, Name, QuestionInput, encode

_TAG = "Evaluation"
_SEED = 20_260_101
_MODEL = Parameter("model", "Name of a model.", required=True)


class ObservedInput(QuestionInput, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A question and what was measured, in the model's unit."""

    actual: float
    key: Name | None = None


class ValidationRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/validations."""

    model: Name
    rows: Annotated[list[ObservedInput], msgspec.Meta(min_length=1, max_length=MAX_INPUTS)]
    confidence_level: Level | msgspec.UnsetType = msgspec.UNSET
    version: Name | msgspec.UnsetType = msgspec.UNSET
    conditions: Conditions = {}


class EvaluationAnswer(msgspec.Struct, frozen=True):
    """Body of GET /api/v1/evaluations: what the card says."""

    model: str
    version: str
    digest: str
    unit: str
    evaluation: Evaluation


class ComparisonAnswer(msgspec.Struct, frozen=True):
    """Body of GET /api/v1/comparisons: errors of two versions on the rows that both held out."""

    model: str
    a: str
    b: str
    unit: str
    comparison: Comparison


class ValidationAnswer(msgspec.Struct, frozen=True):
    """Body of an answer to POST /api/v1/validations."""

    model: str
    version: str
    unit: str
    confidence_level: float
    validation: Validation


class Judging:
    """Handlers over the releases and the predictions of a worker."""

    def __init__(self, shelf: Shelf, releases: Releases, predictions: Predictions) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._releases = releases
        self._predictions = predictions

    async def evaluate(self, call: Call) -> Answer:
        """Give what the card says about accuracy."""
        release = await self._releases.find(call.query["model"], call.query.get("version", "champion"), "version")
        card = release.card
        body = EvaluationAnswer(card.model.name, card.model.version, release.digest, card.model.unit, card.evaluation)
        return Answer(200, encode(body))

    async def compare(self, call: Call) -> Answer:
        """Compare two versions on the rows that both predicted while they were held out."""
        name = call.query["model"]
        a, b = (
            await self._releases.find(name, call.query["a"], "a"),
            await self._releases.find(name, call.query["b"], "b"),
        )
        return Answer(200, encode(await self.compare_releases(a, b)))

    async def compare_releases(self, a: Release, b: Release) -> ComparisonAnswer:
        """Compare two releases of one model.

        Raises:
            RequestRefusedError: 422 when they share no held-out row (permanent).
        """
        if not {point.key for point in a.points} & {point.key for point in b.points}:
            msg = "the two versions share no held-out row; compare versions of one data set"
            raise RequestRefusedError(msg, code="not_comparable", status=422)
        comparison = await asyncio.to_thread(compare_points, a.points, b.points, seed=_SEED)
        one, other = a.card.model, b.card.model
        return ComparisonAnswer(one.name, one.version, other.version, one.unit, comparison)

    def validate(self, call: Call) -> Awaitable[Answer]:
        """Predict for measured rows and say how far off, how often inside, and which rows stand out."""
        return self._validate(call.body)

    async def _validate(self, request: ValidationRequest) -> Answer:
        version = None if isinstance(request.version, msgspec.UnsetType) else request.version
        predictor = self._shelf.find(request.model, version, status=422, path="model")
        asked_level = None if isinstance(request.confidence_level, msgspec.UnsetType) else request.confidence_level
        level = predictor.choose_level(asked_level)
        asked = []
        for index, row in enumerate(request.rows):
            asked.append(self._predictions.ask(predictor, row, request.conditions, at=f"rows[{index}]"))
            await asyncio.sleep(0)
        answers = self._predictions.answer_all(asked, level)
        self._learn(predictor, [row.actual for row in request.rows], asked)
        observed = [
            Observed(
                key=row.key or each.described.canonical,
                actual=row.actual,
                predicted=answered.prediction,
                lower=answered.lower,
                upper=answered.upper,
                in_domain=answered.in_domain,
            )
            for row, each, answered in zip(request.rows, asked, answers, strict=True)
        ]
        name = predictor.name
        unit = predictor.card.model.unit
        return Answer(
            200, encode(ValidationAnswer(name.name, name.version, unit, level, validate_rows(observed, level=level)))
        )

    def _learn(self, predictor: Predictor, actual: Sequence[float], asked: Sequence[Asked]) -> None:
        """Hand measurements to the drift watch, which judges every one at the default level."""
        answers = self._predictions.answer_all(asked, predictor.card.intervals.default_level)
        for value, each, answered in zip(actual, asked, answers, strict=True):
            label = Label(answered.lower <= value <= answered.upper, abs(value - answered.prediction))
            predictor.watch.labels.add(each.described.key, value, label)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        version = Parameter("version", "Number or alias; the champion when absent.")
        sides = tuple(Parameter(side, "Number or alias of a version.", required=True) for side in ("a", "b"))
        return [
            Endpoint(
                "GET",
                "/api/v1/evaluations",
                self.evaluate,
                "Accuracy as the card has it.",
                _TAG,
                answer=EvaluationAnswer,
                query=(_MODEL, version),
                statuses=(404, 409, 422),
            ),
            Endpoint(
                "GET",
                "/api/v1/comparisons",
                self.compare,
                "Two versions on the rows both held out.",
                _TAG,
                answer=ComparisonAnswer,
                query=(_MODEL, *sides),
                statuses=(404, 409, 422),
            ),
            Endpoint(
                "POST",
                "/api/v1/validations",
                self.validate,
                "Answers beside measurements.",
                _TAG,
                role=Role.SCIENTIST,
                body=ValidationRequest,
                answer=ValidationAnswer,
                statuses=(400, 413, 415, 422, 503),
            ),
        ]
