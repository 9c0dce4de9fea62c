"""The Models pages: what is served, every version with its verdict and card, history, and promotion."""

from collections.abc import Sequence
from typing import NamedTuple

from model_server.errors import ArtefactInvalidError, RequestRefusedError
from model_server.pages.frame import Fields, Frame
from model_server.pages.wording import family_title
from model_server.registry.card import Card
from model_server.registry.figures import PointScores, SplitScores
from model_server.registry.record import CHALLENGER, CHAMPION, MAX_REASON_CHARS, MIN_REASON_CHARS, version_key
from model_server.serve.api.models import Models
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases
from model_server.serve.shelf import Shelf
from model_server.serve.wire import ModelEntry

_PATH = "/models"
_SHOWN_IMPORTANCE = 8


class Overview(NamedTuple):
    """One model of the list; without a card when nothing of it is loaded."""

    entry: ModelEntry
    card: Card | None

    @property
    def title(self) -> str:
        """Of its family."""
        return family_title(self.card.model.family) if self.card else "Unreadable"


class ScoreRow(NamedTuple):
    """Accuracy of the model or of a baseline on one split."""

    split: str
    who: str
    primary: bool
    scores: PointScores


class ModelsPages:
    """Handlers of the list and of one model."""

    def __init__(self, frame: Frame, shelf: Shelf, models: Models, releases: Releases) -> None:
        """Take the parts."""
        self._frame = frame
        self._shelf = shelf
        self._models = models
        self._releases = releases

    async def list_models(self, _call: Call, _fields: Fields) -> Answer:
        """Show every model this worker serves or is expected to."""
        overviews = [Overview(self._models.entry(name), await self._card(name)) for name in self._shelf.names]
        return await self._frame.show("models.html", _PATH, {"overviews": overviews})

    async def show_model(self, call: Call, fields: Fields) -> Answer:
        """Show one model: its versions, the card of one of them, and what happened to it."""
        name = call.parameters["model"]
        record = await self._releases.record(name)
        ordered = sorted(record.versions, key=version_key, reverse=True)
        asked = fields.get("version") or record.aliases.get(CHAMPION) or ordered[0]
        problem, card, digest = "", None, ""
        try:
            release = await self._releases.find(name, asked, "version")
        except ArtefactInvalidError as error:
            problem = str(error)
        else:
            card, digest = release.card, release.digest
        context = {
            "name": name,
            "enabled": self._models.entry(name).enabled,
            "record": record,
            "versions": self._models.version_entries(record, ordered),
            "asked": card.model.version if card else asked,
            "card": card,
            "digest": digest,
            "problem": problem,
            "scores": list_scores(card.evaluation.splits) if card else [],
            "importance": card.importance[:_SHOWN_IMPORTANCE] if card else (),
            "reason_chars": (MIN_REASON_CHARS, MAX_REASON_CHARS),
            "aliases": (CHAMPION, CHALLENGER),
        }
        return await self._frame.show("model.html", _PATH, context)

    async def _card(self, name: str) -> Card | None:
        """Card of the version that leads, else of the newest; None when none can be read."""
        champion = self._shelf.served(name).champion
        if champion is not None:
            return champion.card
        try:
            record = await self._releases.record(name)
            return (await self._releases.find(name, max(record.versions, key=version_key), "version")).card
        except (ArtefactInvalidError, RequestRefusedError, ValueError):
            return None

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        return [
            self._frame.page(_PATH, _PATH, self.list_models, "Models."),
            self._frame.page(_PATH + "/{model}", _PATH, self.show_model, "One model."),
        ]


def list_scores(splits: Sequence[SplitScores]) -> list[ScoreRow]:
    """Flatten the splits of a card into rows, each model before its baselines."""
    rows = []
    for split in splits:
        rows.append(ScoreRow(split.name, "model", split.primary, split.model))
        rows += [ScoreRow(split.name, name, split.primary, scores) for name, scores in split.baselines.items()]
    return rows
