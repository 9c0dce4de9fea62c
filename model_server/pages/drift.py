"""The Drift page: whether the questions of a version still look like its training, as GET /api/v1/drift says."""

from typing import NamedTuple

from model_server.drift.verdict import ColumnDrift
from model_server.errors import RequestRefusedError
from model_server.pages.choosing import belongs
from model_server.pages.frame import Fields, Frame
from model_server.pages.wording import words
from model_server.serve.api.drift import Drift, DriftAnswer
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.shelf import Served, Shelf

_PATH = "/drift"
_ALL = "all"
SHOWN = ("12", "30", _ALL)
# Cited: Siddiqi 2006, Credit Risk Scorecards; from 0.25 on a population counts as shifted. Drawn for orientation.
RULE_OF_THUMB = 0.25


class Bar(NamedTuple):
    """One column of the chart."""

    name: str
    psi: float
    distance: float
    alarm: bool


class DriftPage:
    """Handler of the page."""

    def __init__(self, frame: Frame, shelf: Shelf, drift: Drift) -> None:
        """Take the parts."""
        self._frame = frame
        self._shelf = shelf
        self._drift = drift

    async def show(self, _call: Call, fields: Fields) -> Answer:
        """Show the verdict on one served version."""
        names = [name for name in self._shelf.names if self._shelf.served(name).versions]
        if not names:
            message = "no model is loaded, so there is no traffic to judge; see Models"
            raise RequestRefusedError(message, code="unknown_model", status=404)
        name = fields.get("model") or ("tg" if "tg" in names else names[0])
        shown = fields.get("shown") or SHOWN[0]
        if shown not in SHOWN:
            message = f"{shown[:20]} columns cannot be shown; choose one of {', '.join(SHOWN)}"
            raise RequestRefusedError(message, code="invalid_query", status=422, path="shown")
        version = fields.get("version") if belongs(fields, name) else None
        verdict = self._drift.judge(name, version or None)
        served = self._shelf.served(name)
        bars = rank_columns(verdict)
        context = {
            "names": names,
            "name": name,
            "versions": _versions(served),
            "verdict": verdict,
            "unit": served.versions[verdict.version].card.model.unit,
            "bars": bars if shown == _ALL else bars[: int(shown)],
            "total": len(bars),
            "shown": shown,
            "offered": SHOWN,
            "threshold": RULE_OF_THUMB,
            "said": describe(verdict, bars),
        }
        return await self._frame.show("drift.html", _PATH, context)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Drift.")]


def rank_columns(verdict: DriftAnswer) -> list[Bar]:
    """Put the prediction first, then columns: those with an alarm, then by their index, the largest first."""
    prediction = ColumnDrift(
        "prediction", verdict.prediction.psi, verdict.prediction.distance, alarm=verdict.prediction.alarm
    )
    measured = [
        Bar(each.name, each.psi, each.distance, each.alarm)
        for each in (prediction, *verdict.features)
        if each.psi is not None and each.distance is not None
    ]
    return [*measured[:1], *sorted(measured[1:], key=lambda bar: (not bar.alarm, -bar.psi))]


def describe(verdict: DriftAnswer, bars: list[Bar]) -> str:
    """Say what the chart shows, in one sentence."""
    if not bars:
        return "No question has been asked yet."
    moved = sum(bar.alarm for bar in bars)
    largest = max(bars, key=lambda bar: bar.psi)
    return (
        f"{verdict.samples} questions beside training: {moved} of {len(bars)} columns have moved beyond luck; the "
        f"largest index is {largest.psi:.2f}, of {words(largest.name)}. The dashed line is the usual rule of thumb, "
        f"{RULE_OF_THUMB}; hatched bars have an alarm."
    )


def _versions(served: Served) -> list[tuple[str, str]]:
    named = {version: alias for alias, version in served.aliases.items()}
    return [
        (version, f"{version} ({named[version]})" if version in named else version)
        for version in sorted(served.versions, reverse=True)
    ]
