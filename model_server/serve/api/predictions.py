"""POST /api/v1/predictions: questions in chemists' words, answers with interval, domain and neighbours."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import msgspec
import numpy as np

from model_server.errors import RequestRefusedError
from model_server.serve.batching import Runner
from model_server.serve.cache import BoundedCache
from model_server.serve.describing import Described, Describer
from model_server.serve.domain import Neighbourhood, look_around
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.families import Candidates, find_candidates
from model_server.serve.http.message import Answer
from model_server.serve.predictor import Predictor
from model_server.serve.shadow import Shadow
from model_server.serve.shelf import Shelf
from model_server.serve.switches import Switches
from model_server.serve.wire import (
    NearestKnown,
    Prediction,
    PredictionRequest,
    PredictionResponse,
    QuestionInput,
    encode,
)

# Chosen: about 500 bytes an entry in both caches together, so 20 MB at most.
CACHE_CAPACITY = 20_000
# Chosen: probes and other requests wait no longer than this for a batch of uncached molecules.
_SLICE_S = 0.005
# Chosen: so few questions are answered without yielding, whether cached or not.
_AT_ONCE = 2


class Asked(NamedTuple):
    """One question with the model that will answer it."""

    described: Described
    predictor: Predictor
    around: Neighbourhood


class Answered(NamedTuple):
    """What a model says about one question at one level; `scale` is its doubt, of which intervals are made."""

    prediction: float
    lower: float
    upper: float
    in_domain: bool
    scale: float


class PredictionParts(NamedTuple):
    """What predictions need of the worker."""

    shelf: Shelf
    describer: Describer
    runner: Runner
    shadow: Shadow
    switches: Switches


class Predictions:
    """Answers questions with the models of one worker."""

    def __init__(self, parts: PredictionParts) -> None:
        """Start with empty caches."""
        self._shelf, self._describer, self._runner, self._shadow, self._switches = parts
        self.answers: BoundedCache[tuple[str, str, float, str], Answered] = BoundedCache(CACHE_CAPACITY)
        self.neighbourhoods: BoundedCache[tuple[str, str, str], Neighbourhood] = BoundedCache(CACHE_CAPACITY)

    def predict(self, call: Call) -> Answer | Awaitable[Answer]:
        """Answer; at once when there is little to do."""
        request: PredictionRequest = call.body
        if len(request.inputs) > _AT_ONCE:
            return self._predict_many(request, *self._choose(request, call.request_id))
        return Answer(200, encode(self.respond(request, call.request_id)))

    def respond(self, request: PredictionRequest, request_id: str) -> PredictionResponse:
        """Answer a few questions at once, for whoever wants the answer itself and not its bytes.

        Raises:
            RequestRefusedError: 422 naming what cannot be answered (permanent).
            ModelNotReadyError: the model is known and not loaded (temporary).
            ModelDisabledError: somebody switched it off (temporary).
        """
        candidates, level = self._choose(request, request_id)
        asked = [self._choose_one(request, candidates, index) for index in range(len(request.inputs))]
        return self._respond(request, candidates, level, asked)

    def ask(self, predictor: Predictor, question: QuestionInput, conditions: Mapping[str, float], *, at: str) -> Asked:
        """Describe a question for one model and see where it lies.

        Raises:
            RequestRefusedError: 422 naming what cannot be described (permanent).
        """
        return self._locate(predictor, self._describer.describe(predictor, question, conditions, at))

    def answer_all(self, asked: Sequence[Asked], level: float) -> list[Answered]:
        """Answer questions, running each graph once over those that are not remembered."""
        found: list[Answered | None] = []
        missing: dict[str, list[int]] = defaultdict(list)
        for index, (described, predictor, _) in enumerate(asked):
            found.append(self.answers.get((predictor.name.name, predictor.name.version, level, described.key)))
            if found[-1] is None:
                missing[predictor.name.digest].append(index)
        for rows in missing.values():
            predictor = asked[rows[0]].predictor
            for index, answered in zip(rows, self._run(predictor, [asked[row] for row in rows], level), strict=True):
                found[index] = answered
                key = (predictor.name.name, predictor.name.version, level, asked[index].described.key)
                self.answers.put(key, answered)
        return [answered for answered in found if answered is not None]

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [
            Endpoint(
                "POST",
                "/api/v1/predictions",
                self.predict,
                "Predict for molecules or mixtures.",
                "Predictions",
                body=PredictionRequest,
                answer=PredictionResponse,
                statuses=(400, 413, 415, 422, 503),
            )
        ]

    def _choose(self, request: PredictionRequest, request_id: str) -> tuple[Candidates, float]:
        version = None if isinstance(request.version, msgspec.UnsetType) else request.version
        conditions = {*request.conditions, *(name for question in request.inputs for name in question.conditions)}
        candidates = find_candidates(self._shelf, request.target, version, conditions, request_id)
        asked = None if isinstance(request.confidence_level, msgspec.UnsetType) else request.confidence_level
        _refuse_conditions(conditions, candidates)
        levels = {predictor.choose_level(asked) for predictor in candidates.predictors}
        for predictor in candidates.predictors:
            self._switches.require(predictor.name.name)
        return candidates, max(levels)

    async def _predict_many(self, request: PredictionRequest, candidates: Candidates, level: float) -> Answer:
        asked = []
        slice_end = perf_counter() + _SLICE_S
        for index in range(len(request.inputs)):
            asked.append(self._choose_one(request, candidates, index))
            if perf_counter() > slice_end:
                await asyncio.sleep(0)
                slice_end = perf_counter() + _SLICE_S
        return Answer(200, encode(self._respond(request, candidates, level, asked)))

    def _choose_one(self, request: PredictionRequest, candidates: Candidates, index: int) -> Asked:
        question, at = request.inputs[index], f"inputs[{index}]"
        located = [self.ask(predictor, question, request.conditions, at=at) for predictor in candidates.predictors]
        return located[0] if len(located) == 1 else max(located, key=lambda asked: asked.around.similarity)

    def _locate(self, predictor: Predictor, described: Described) -> Asked:
        key = (predictor.name.name, predictor.name.version, described.key)
        around = self.neighbourhoods.get(key)
        if around is None:
            around = look_around(predictor.domain, predictor.release.known, described.features, described.fingerprint)
            self.neighbourhoods.put(key, around)
        return Asked(described, predictor, around)

    def _run(self, predictor: Predictor, asked: Sequence[Asked], level: float) -> list[Answered]:
        x = np.stack([question.described.features for question in asked])
        point, scale = self._runner.run(predictor, x)
        similarity = np.array([question.around.similarity for question in asked], dtype=np.float32)
        inside = predictor.is_inside(similarity)
        interval = predictor.interval(point, scale, inside, level)
        columns = (point.tolist(), interval.lower.tolist(), interval.upper.tolist(), inside.tolist(), scale.tolist())
        return [
            Answered(round(value, 2), round(lower, 2), round(upper, 2), is_inside, doubt)
            for value, lower, upper, is_inside, doubt in zip(*columns, strict=True)
        ]

    def _respond(
        self, request: PredictionRequest, candidates: Candidates, level: float, asked: Sequence[Asked]
    ) -> PredictionResponse:
        answers = self.answer_all(asked, level)
        predictions = []
        for question, each, answered in zip(request.inputs, asked, answers, strict=True):
            predictor = each.predictor
            predictor.predicted.value += 1
            predictor.outside.value += not answered.in_domain
            predictor.widths.observe(answered.upper - answered.lower)
            predictor.watch.window.observe_one(
                each.described.features, answered.prediction, answered.scale, inside=answered.in_domain
            )
            predictions.append(_word(question, each, answered))
        if candidates.shadow is not None:
            x = np.stack([each.described.features for each in asked])
            point = np.array([answered.prediction for answered in answers], dtype=np.float32)
            self._shadow.follow(candidates.shadow, x, point)
        first = asked[0].predictor
        return PredictionResponse(request.target, first.card.model.unit, level, first.name, predictions)


def _refuse_conditions(given: set[str], candidates: Candidates) -> None:
    known = {condition.name for predictor in candidates.predictors for condition in predictor.recipe.conditions}
    unknown = sorted(name[:64] for name in given - known)
    if unknown:
        raise RequestRefusedError(
            f"conditions {unknown} mean nothing to this model; it knows {sorted(known) or 'none'}",
            code="invalid_condition",
            status=422,
            path="conditions",
        )


def _word(question: QuestionInput, asked: Asked, answered: Answered) -> Prediction:
    described, predictor, around = asked
    is_molecule = question.smiles is not None
    return Prediction(
        answered.prediction,
        answered.lower,
        answered.upper,
        answered.in_domain,
        round(around.similarity, 3),
        [NearestKnown(name, similarity) for name, similarity in around.nearest],
        predictor.name.name,
        predictor.name.version,
        smiles=question.smiles,
        canonical_smiles=described.canonical if is_molecule else None,
        mixture=None if is_molecule else described.canonical,
    )
