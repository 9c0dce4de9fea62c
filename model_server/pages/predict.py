"""The Predict page: asks the same handler as POST /api/v1/predictions."""

from model_server.errors import ModelServerError, RequestRefusedError
from model_server.pages.drawing import draw_molecule
from model_server.pages.frame import Fields, Frame
from model_server.pages.mixture_rules import RuleValue, apply_rules
from model_server.pages.predict_form import MIXTURE, MOLECULE, Form, Mistake, build_question, locate, read_form
from model_server.pages.predict_view import (
    COMPONENTS,
    UNITS,
    Result,
    describe_result,
    list_conditions,
    list_targets,
)
from model_server.registry.card import Card
from model_server.serve.api.mixtures import Mixtures
from model_server.serve.api.predictions import Predictions
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.failures import describe_failure
from model_server.serve.http.message import Answer
from model_server.serve.shelf import Served, Shelf
from model_server.serve.wire import PredictionRequest, decode_body, encode

_PATH = "/"
_EXAMPLES = (
    ("glycerol", "OCC(O)CO"),
    ("DMSO", "CS(C)=O"),
    ("trehalose", "OCC1OC(OC2OC(CO)C(O)C(O)C2O)C(O)C(O)C1O"),
    ("proline", "OC(=O)C1CCCN1"),
)


class PredictPage:
    """Handler of the page."""

    def __init__(self, frame: Frame, shelf: Shelf, predictions: Predictions, mixtures: Mixtures) -> None:
        """Take the parts."""
        self._frame = frame
        self._shelf = shelf
        self._predictions = predictions
        self._mixtures = mixtures

    async def show(self, call: Call, fields: Fields) -> Answer:
        """Show the form and, when it was filled in, the answer or what is wrong with the question."""
        served = [self._shelf.served(name) for name in self._shelf.names]
        form = read_form(fields)
        offered = [target for target in list_targets(served) if target.kind == form.kind]
        if form.target == "" and offered:
            form = form._replace(target=_first(form.kind, [target.name for target in offered]))
        result: Result | None = None
        mistake, status = Mistake("", ""), 200
        rules: list[RuleValue] = []
        if form.asked:
            try:
                water = form.water_percent
                rules = apply_rules(form, water, self._mixtures) if form.kind == MIXTURE else []
                result = self._ask(form, call.request_id)
            except RequestRefusedError as error:
                mistake, status = locate(error, form), error.status
            except ModelServerError as error:
                failure = describe_failure(error)
                mistake, status = Mistake("", failure.message), failure.status
        context = {
            "form": form,
            "targets": offered,
            "versions": _list_versions(self._shelf.served(form.target)),
            "levels": _list_levels(served, form.target),
            "conditions": list_conditions(_cards(served), form.target),
            "components": COMPONENTS,
            "units": UNITS,
            "examples": _EXAMPLES,
            "result": result,
            "mistake": mistake,
            "rules": rules,
            "draw": draw_molecule,
            "MOLECULE": MOLECULE,
            "MIXTURE": MIXTURE,
        }
        return await self._frame.show("predict.html", _PATH, context, status=status)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Predict.")]

    def _ask(self, form: Form, request_id: str) -> Result:
        body = build_question(form)
        request: PredictionRequest = decode_body(PredictionRequest, encode(body))
        response = self._predictions.respond(request, request_id)
        predictor = self._shelf.find(response.model.name, response.model.version, status=422)
        return describe_result(response, predictor.card, body)


def _first(kind: str, names: list[str]) -> str:
    """The target that is chosen before anybody chose: glass transition, or viability."""
    wanted = "tg" if kind == MOLECULE else "viability"
    return wanted if wanted in names else names[0]


def _cards(served: list[Served]) -> list[Card]:
    return [each.champion.card for each in served if each.champion is not None]


def _list_versions(served: Served) -> list[tuple[str, str]]:
    named = {version: alias for alias, version in served.aliases.items()}
    return [(version, f"{version} ({named[version]})" if version in named else version) for version in served.versions]


def _list_levels(served: list[Served], target: str) -> list[tuple[float, bool]]:
    """Levels every member can answer at, and which one is the default."""
    cards = [card for card in _cards(served) if target in (card.model.name, card.model.family)]
    if not cards:
        return []
    common = set.intersection(*({level.level for level in card.intervals.levels} for card in cards))
    default = cards[0].intervals.default_level
    return [(level, level == default) for level in sorted(common)]
