"""POST /v2/models/{model}/infer: the hot path, which answers small requests without ever yielding."""

import hashlib
from collections.abc import Awaitable
from time import perf_counter
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from model_server.errors import (
    ModelDisabledError,
    ModelNotReadyError,
    ModelServerError,
    QueueFullError,
    RequestRefusedError,
)
from model_server.registry.session import FloatVector
from model_server.serve.batching import Outputs, Runner
from model_server.serve.cache import BoundedCache
from model_server.serve.endpoint import Call
from model_server.serve.http.message import Answer
from model_server.serve.metrics import ServeMetrics
from model_server.serve.oip.answers import (
    PLAIN_OUTPUTS,
    Encoded,
    Results,
    choose_outputs,
    encode_one_row,
    encode_outputs,
    frame_answer,
)
from model_server.serve.oip.tensors import Question, read_question
from model_server.serve.oip.wire import Split, decode_infer
from model_server.serve.predictor import Predictor
from model_server.serve.shadow import Shadow
from model_server.serve.shelf import Shelf
from model_server.serve.switches import Switches
from model_server.serve.traffic import choose_predictor, choose_shadow

# Chosen: answers of 64 rows are 4 kB, so 4,096 of them are 16 MB at most.
CACHE_CAPACITY = 4096
_CACHED_ROWS = 64
_LENGTH = b"inference-header-content-length"


class InferRules(NamedTuple):
    """Limits and switches.

    Args:
        max_rows: of one request.
        cached: models whose answers are remembered by the hash of their input; `*` for all.
    """

    max_rows: int = 10_000
    cached: frozenset[str] = frozenset()


class InferParts(NamedTuple):
    """What inference needs of the worker."""

    shelf: Shelf
    runner: Runner
    shadow: Shadow
    metrics: ServeMetrics
    switches: Switches


class Prepared(NamedTuple):
    """A request on its way to a run."""

    predictor: Predictor
    question: Question
    level: float
    outputs: tuple[tuple[str, bool], ...]
    inside_known: bool
    shadow: Predictor | None
    key: bytes | None
    started: float


class Remembered(NamedTuple):
    """An answer, and what the drift window needs of it when it is given again."""

    encoded: Encoded
    point: FloatVector
    scale: FloatVector
    inside: NDArray[np.bool_] | None


class Inference:
    """The protocol's inference over the models of a worker."""

    def __init__(self, parts: InferParts, rules: InferRules) -> None:
        """Take the parts."""
        self._shelf, self._runner, self._shadow, self._metrics, self._switches = parts
        self._rules = rules
        self.cache: BoundedCache[tuple[str, str, bytes], Remembered] = BoundedCache(CACHE_CAPACITY)

    def infer(self, call: Call) -> Answer | Awaitable[Answer]:
        """Answer an inference request.

        Raises:
            RequestRefusedError: the request does not fit (permanent).
            ModelNotReadyError: the model cannot answer now (temporary).
            ModelDisabledError: somebody switched it off (temporary).
        """
        name = call.parameters["model"]
        version = call.parameters.get("version", "")
        try:
            prepared = self._prepare(call, name, version or None)
            if prepared.key is not None:
                known = self.cache.get((name, prepared.predictor.name.version, prepared.key))
                if known is not None:
                    prepared.predictor.observe(prepared.question.x, known.point, known.scale, known.inside)
                    return self._frame(prepared, known.encoded)
            if self._runner.runs_at_once(len(prepared.question.x)):
                return self._complete(prepared, self._runner.run(prepared.predictor, prepared.question.x))
        except (RequestRefusedError, ModelNotReadyError, ModelDisabledError) as error:
            self._count_failure(name, version, error)
            raise
        return self._wait(prepared)

    async def _wait(self, prepared: Prepared) -> Answer:
        try:
            outputs = await self._runner.enqueue(prepared.predictor, prepared.question.x)
        except QueueFullError:
            self._metrics.count_failure(prepared.predictor.name.name, prepared.predictor.name.version, "queue_full")
            raise
        return self._complete(prepared, outputs)

    def _prepare(self, call: Call, name: str, version: str | None) -> Prepared:
        request = call.request
        split = decode_infer(request.body, request.headers.get(_LENGTH))
        predictor, shadow = self._choose(split, name, version, call.request_id)
        self._switches.require(name)
        question = read_question(split, predictor, max_rows=self._rules.max_rows)
        level = predictor.choose_level(question.level, "parameters.confidence_level")
        known = question.fingerprints is not None or not predictor.domain.needs_fingerprint
        outputs = choose_outputs(question, has_domain=known)
        cached = name in self._rules.cached or "*" in self._rules.cached
        key = self._key(question, level, outputs) if cached else None
        return Prepared(predictor, question, level, outputs, known, shadow, key, request.began)

    def _choose(
        self, split: Split, name: str, version: str | None, request_id: str
    ) -> tuple[Predictor, Predictor | None]:
        served = self._shelf.served(name)
        if version is None and served.challenger is not None:
            given = split.request.id
            chosen = choose_predictor(served, given if isinstance(given, str) else request_id)
            if chosen is not None:
                return chosen, choose_shadow(served, chosen)
        return self._shelf.find(name, version, status=404), None

    @staticmethod
    def _key(question: Question, level: float, outputs: tuple[tuple[str, bool], ...]) -> bytes | None:
        if len(question.x) > _CACHED_ROWS:
            return None
        digest = hashlib.blake2b(question.x.tobytes(), digest_size=16)
        if question.fingerprints is not None:
            digest.update(question.fingerprints.tobytes())
        digest.update(repr((question.x.shape, level, outputs)).encode())
        return digest.digest()

    def _complete(self, prepared: Prepared, outputs: Outputs) -> Answer:
        predictor, question = prepared.predictor, prepared.question
        point, scale = outputs
        if len(point) == 1 and prepared.outputs is PLAIN_OUTPUTS:
            limits = predictor.interval_of_one(float(point[0]), float(scale[0]), prepared.level)
            return self._remember(prepared, Remembered(encode_one_row(float(point[0]), *limits), point, scale, None))
        similarity = inside = None
        if prepared.inside_known:
            similarity = predictor.similarity(question.x, question.fingerprints)
            inside = None if similarity is None else predictor.is_inside(similarity)
        interval = predictor.interval(point, scale, inside, prepared.level)
        results = Results(point, interval.lower, interval.upper, inside, similarity)
        return self._remember(prepared, Remembered(encode_outputs(results, prepared.outputs), point, scale, inside))

    def _remember(self, prepared: Prepared, answered: Remembered) -> Answer:
        predictor, question = prepared.predictor, prepared.question
        predictor.observe(question.x, answered.point, answered.scale, answered.inside)
        if prepared.key is not None:
            self.cache.put((predictor.name.name, predictor.name.version, prepared.key), answered)
        if prepared.shadow is not None:
            self._shadow.follow(prepared.shadow, question.x, answered.point)
        return self._frame(prepared, answered.encoded)

    def _frame(self, prepared: Prepared, encoded: Encoded) -> Answer:
        predictor = prepared.predictor
        body, content_type, head = frame_answer(predictor, encoded, prepared.question.id, prepared.level)
        counters = predictor.infer
        counters.requests.value += 1
        counters.rows.value += len(prepared.question.x)
        counters.seconds.observe(perf_counter() - prepared.started)
        return Answer(200, body, content_type, head)

    def _count_failure(self, name: str, version: str, error: ModelServerError) -> None:
        """Count under names that exist only, so that a caller cannot make labels up."""
        if name not in self._shelf.names:
            self._metrics.count_failure("unknown", "", "unknown_model")
            return
        served = self._shelf.served(name)
        known = version if version in served.versions or version in served.aliases else ""
        temporary = "disabled" if isinstance(error, ModelDisabledError) else "model_not_ready"
        reason = error.code if isinstance(error, RequestRefusedError) else temporary
        self._metrics.count_failure(name, known, reason if reason != "unknown_version" else "unknown_model")
