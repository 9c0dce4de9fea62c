"""How good a model is by its own account: its stored evaluation, and two versions side by side."""

import asyncio

import msgspec

from model_server.errors import RequestRefusedError
from model_server.registry.card import Evaluation
from model_server.registry.comparison import Comparison, compare_points
from model_server.registry.folder import Release
from model_server.serve.endpoint import Call, Endpoint, Parameter
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases
from model_server.serve.wire import encode

_TAG = "Evaluation"
_SEED = 20_260_101
_MODEL = Parameter("model", "Name of a model.", required=True)


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


class Judging:
    """Handlers over the releases of a worker."""

    def __init__(self, releases: Releases) -> None:
        """Take the releases."""
        self._releases = releases

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
        ]
