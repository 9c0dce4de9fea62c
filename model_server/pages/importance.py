"""The Importance page: how much the held-out error grows when one column is shuffled."""

from typing import NamedTuple

from model_server.errors import RequestRefusedError
from model_server.pages.choosing import choose_release
from model_server.pages.frame import Fields, Frame
from model_server.pages.wording import with_unit, words
from model_server.registry.card import Card
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases

_PATH = "/importance"
_ALL = "all"
SHOWN = ("12", "20", _ALL)


class Column(NamedTuple):
    """One column with what it means."""

    name: str
    unit: str
    description: str
    mean: float
    sd: float


class ImportancePage:
    """Handler of the page."""

    def __init__(self, frame: Frame, releases: Releases) -> None:
        """Take the parts."""
        self._frame = frame
        self._releases = releases

    async def show(self, _call: Call, fields: Fields) -> Answer:
        """Show what one version relies upon."""
        choice = await choose_release(self._releases, fields)
        shown = fields.get("shown") or SHOWN[0]
        if shown not in SHOWN:
            message = f"{shown[:20]} columns cannot be shown; choose one of {', '.join(SHOWN)}"
            raise RequestRefusedError(message, code="invalid_query", status=422, path="shown")
        columns = list_columns(choice.card)
        context = {
            "choice": choice,
            "card": choice.card,
            "columns": columns if shown == _ALL else columns[: int(shown)],
            "total": len(columns),
            "shown": shown,
            "offered": SHOWN,
            "said": describe(choice.card, columns),
        }
        return await self._frame.show("importance.html", _PATH, context)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Importance.")]


def list_columns(card: Card) -> list[Column]:
    """Join importance with what each column means, the largest first."""
    known = {column.name: column for column in card.features.columns}
    found = sorted(card.importance, key=lambda entry: -entry.mean)
    return [
        Column(entry.column, known[entry.column].unit, known[entry.column].description, entry.mean, entry.sd)
        if entry.column in known
        else Column(entry.column, "", "a group of columns", entry.mean, entry.sd)
        for entry in found
    ]


def describe(card: Card, columns: list[Column]) -> str:
    """Say what matters most, in one sentence."""
    if not columns:
        return "The card records no importance."
    first, unit = columns[0], card.model.unit
    return (
        f"Shuffling {words(first.name)} raises the held-out error by {with_unit(first.mean, unit)} (standard deviation "
        f"{with_unit(first.sd, unit)}), more than any other of {len(columns)} columns; the error itself is "
        f"{with_unit(card.evaluation.primary.model.mae.value, unit)}."
    )
