"""Published rules for the glass transition of mixtures: what they are, and what they say."""

from typing import Annotated

import msgspec

from model_server.errors import ConditionInvalidError, RequestRefusedError
from model_server.features.glass_rules import (
    RULES,
    WATER_GORDON_TAYLOR_K,
    WATER_TG_K,
    Part,
    couchman_karasz,
    fox,
    gordon_taylor,
)
from model_server.serve.api.predictions import Predictions
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.shelf import Shelf
from model_server.serve.wire import MAX_PARTS, QuestionInput, encode

_TAG = "Mixtures"
_PAIR = 2
_MODEL = "tg"


class RuleEntry(msgspec.Struct, frozen=True):
    """A rule with its source and its limits."""

    name: str
    formula: str
    citation: str
    limits: str


class RuleList(msgspec.Struct, frozen=True):
    """Body of GET /api/v1/mixtures/rules. `water_tg_k` and `water_k` are what is taken for water unless given."""

    rules: list[RuleEntry]
    water_tg_k: float
    water_k: float


class MixturePart(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part: its weight fraction, and its glass transition given, predicted from a structure, or that of water.

    Exactly one of `tg_k`, `smiles` and `water` is to be given.
    """

    weight_fraction: Annotated[float, msgspec.Meta(ge=0.0, le=1.0)]
    tg_k: Annotated[float, msgspec.Meta(gt=0.0, le=2000.0)] | None = None
    smiles: str | None = None
    water: bool = False
    delta_cp: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] | None = None


class RuleRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Body of POST /api/v1/mixtures/rules/{rule}; for Gordon-Taylor the solute comes first."""

    parts: Annotated[list[MixturePart], msgspec.Meta(min_length=1, max_length=MAX_PARTS)]
    k: Annotated[float, msgspec.Meta(gt=0.0, le=100.0)] = WATER_GORDON_TAYLOR_K


class UsedPart(msgspec.Struct, frozen=True):
    """A part as it went into the rule; `source` says where its glass transition came from."""

    weight_fraction: float
    tg_k: float
    source: str


class RuleAnswer(msgspec.Struct, frozen=True):
    """What a rule says. It is arithmetic on its parts and has no interval of its own."""

    rule: str
    tg_k: float
    parts: list[UsedPart]
    limits: str


class Mixtures:
    """Handlers over the rules; structures are predicted by the Tg model."""

    def __init__(self, shelf: Shelf, predictions: Predictions) -> None:
        """Take the parts."""
        self._shelf = shelf
        self._predictions = predictions

    def list_rules(self, _call: Call) -> Answer:
        """List the rules."""
        entries = [RuleEntry(*rule) for rule in RULES]
        return Answer(200, encode(RuleList(entries, WATER_TG_K, WATER_GORDON_TAYLOR_K)))

    def apply_rule(self, call: Call) -> Answer:
        """Apply a rule to parts."""
        return Answer(200, encode(self.answer(call.parameters["rule"], call.body)))

    def answer(self, name: str, request: RuleRequest) -> RuleAnswer:
        """Apply a rule by its name.

        Raises:
            RequestRefusedError: 404 for an unknown rule, 422 for parts that it cannot join (permanent).
        """
        rule = next((rule for rule in RULES if rule.name == name), None)
        if rule is None:
            known = ", ".join(each.name for each in RULES)
            raise RequestRefusedError(f"no such rule; choose one of: {known}", code="unknown_rule", status=404)
        used = [self._use(part, index) for index, part in enumerate(request.parts)]
        try:
            tg_k = _apply(name, request, used)
        except ConditionInvalidError as error:
            raise RequestRefusedError(str(error), code="invalid_mixture", status=422, path="parts") from error
        return RuleAnswer(name, round(tg_k, 2), used, rule.limits)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        return [
            Endpoint("GET", "/api/v1/mixtures/rules", self.list_rules, "Rules for mixtures.", _TAG, answer=RuleList),
            Endpoint(
                "POST",
                "/api/v1/mixtures/rules/{rule}",
                self.apply_rule,
                "Glass transition of a mixture by a rule.",
                _TAG,
                body=RuleRequest,
                answer=RuleAnswer,
                statuses=(400, 404, 413, 415, 422, 503),
            ),
        ]

    def _use(self, part: MixturePart, index: int) -> UsedPart:
        given = [part.tg_k is not None, part.smiles is not None, part.water]
        at = f"parts[{index}]"
        if sum(given) != 1:
            message = f"{at}: give exactly one of tg_k, smiles and water"
            raise RequestRefusedError(message, code="invalid_mixture", status=422, path=at)
        if part.tg_k is not None:
            return UsedPart(part.weight_fraction, part.tg_k, "given")
        if part.smiles is None:
            return UsedPart(part.weight_fraction, WATER_TG_K, "water")
        predictor = self._shelf.find(_MODEL, status=422, path=f"{at}.smiles")
        asked = self._predictions.ask(predictor, QuestionInput(smiles=part.smiles), {}, at=at)
        [answered] = self._predictions.answer_all([asked], predictor.choose_level(None))
        return UsedPart(part.weight_fraction, answered.prediction, f"{_MODEL} {predictor.name.version}")


def _apply(name: str, request: RuleRequest, used: list[UsedPart]) -> float:
    parts = [
        Part(part.weight_fraction, part.tg_k, asked.delta_cp) for part, asked in zip(used, request.parts, strict=True)
    ]
    if name == "fox":
        return fox(parts)
    if name == "couchman_karasz":
        return couchman_karasz(parts)
    if len(parts) != _PAIR:
        raise ConditionInvalidError(f"Gordon-Taylor joins two parts, {len(parts)} were given; use Fox")
    return gordon_taylor(parts[0], parts[1], k=request.k)
