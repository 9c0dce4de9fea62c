"""The Validation page: held-out predictions beside measurements, residuals, and the promise of the intervals."""

from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.pages.choosing import Choice, belongs, choose_level, choose_release
from model_server.pages.frame import Fields, Frame
from model_server.pages.held_out import HeldOut, judge_points
from model_server.pages.models import list_scores
from model_server.pages.wording import percent, score, with_unit
from model_server.registry.card import Card
from model_server.registry.figures import SplitScores
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases

_PATH = "/validation"


class Sentences(NamedTuple):
    """What each chart shows, in one sentence; also what a screen reader says of it."""

    parity: str
    residuals: str
    coverage: str
    scores: str


class ValidationPage:
    """Handler of the page."""

    def __init__(self, frame: Frame, releases: Releases) -> None:
        """Take the parts."""
        self._frame = frame
        self._releases = releases

    async def show(self, _call: Call, fields: Fields) -> Answer:
        """Show how one version did on rows it had not seen."""
        choice = await choose_release(self._releases, fields)
        card = choice.card
        split = choose_split(fields, card)
        level = choose_level(fields, card)
        held_out = judge_points(choice.release.points, card, level) if split.primary else None
        context = {
            "choice": choice,
            "card": card,
            "split": split,
            "level": level,
            "found": next(entry for entry in card.intervals.levels if entry.level == level),
            "held_out": held_out,
            "scores": list_scores(card.evaluation.splits),
            "said": describe(choice, split, level, held_out),
        }
        return await self._frame.show("validation.html", _PATH, context)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Validation.")]


def choose_split(fields: Fields, card: Card) -> SplitScores:
    """Read which split is meant; the primary one before anybody chose.

    Raises:
        RequestRefusedError: 404, the card has no such split (permanent).
    """
    name = fields.get("split", "") if belongs(fields, card.model.name) else ""
    if not name:
        return card.evaluation.primary
    for split in card.evaluation.splits:
        if split.name == name:
            return split
    offered = ", ".join(split.name for split in card.evaluation.splits)
    message = f"{card.model.name} was not split by {name[:40]}; choose one of {offered}"
    raise RequestRefusedError(message, code="unknown_split", status=404, path="split")


def describe(choice: Choice, split: SplitScores, level: float, held_out: HeldOut | None) -> Sentences:
    """Put the charts into words, each with its n, error and coverage."""
    card, unit = choice.card, choice.card.model.unit
    found = next(entry for entry in card.intervals.levels if entry.level == level)
    coverage = (
        f"Over {card.intervals.holdouts} grouped holdouts, {percent(found.coverage, 1)} of rows lay inside their "
        f"{percent(level)} interval; points on the dashed line keep their promise exactly."
    )
    scores = (
        f"By {split.name} the model errs by {score(split.model.mae, unit)}; bars are 95\u00a0% bootstrap intervals."
    )
    if held_out is None:
        return Sentences("", "", coverage, scores)
    judged = held_out.judged
    inside = sum(row.covered for row in judged.rows)
    parity = (
        f"{judged.count} held-out rows by {split.name}: mean absolute error {with_unit(judged.mae, unit)}, "
        f"{inside} of them ({percent(judged.coverage, 1)}) inside their {percent(level)} interval."
    )
    residuals = (
        f"Measured minus predicted for {judged.count} rows: mean {with_unit(judged.bias, unit)}, "
        f"root mean square {with_unit(judged.rmse, unit)}."
    )
    return Sentences(parity, residuals, coverage, scores)
