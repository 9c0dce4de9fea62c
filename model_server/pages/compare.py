"""The Compare page: two versions on the rows that both held out, by the handler of GET /api/v1/comparisons."""

from collections.abc import Sequence
from typing import NamedTuple

from model_server.errors import ArtefactInvalidError, RequestRefusedError
from model_server.pages.choosing import belongs, choose_model, list_versions
from model_server.pages.frame import Fields, Frame
from model_server.pages.interval_bar import IntervalBar, place_bar
from model_server.pages.wording import amount, with_unit
from model_server.registry.card import Point
from model_server.registry.record import CHAMPION
from model_server.serve.api.judging import ComparisonAnswer, Judging
from model_server.serve.endpoint import Call, Endpoint
from model_server.serve.http.message import Answer
from model_server.serve.releases import Releases

_PATH = "/compare"
_PAIR = 2


class PairedRow(NamedTuple):
    """One row that both versions held out; errors are absolute."""

    key: str
    actual: float
    error_a: float
    error_b: float


class Compared(NamedTuple):
    """What the page shows of a comparison."""

    answer: ComparisonAnswer
    bar: IntervalBar
    rows: list[PairedRow]
    verdict: str
    said: str


class ComparePage:
    """Handler of the page."""

    def __init__(self, frame: Frame, releases: Releases, judging: Judging) -> None:
        """Take the parts."""
        self._frame = frame
        self._releases = releases
        self._judging = judging

    async def show(self, _call: Call, fields: Fields) -> Answer:
        """Show two versions side by side, or say that there are not two."""
        names, record = await choose_model(self._releases, fields)
        versions = list_versions(record)
        numbers = [version for version, _ in versions]
        own = fields if belongs(fields, record.name) else {}
        b = own.get("b") or numbers[0]
        a = own.get("a") or _other(numbers, b, record.aliases.get(CHAMPION))
        problem, compared = "", None
        if len(numbers) >= _PAIR:
            try:
                compared = await self._compare(record.name, a, b)
            except (ArtefactInvalidError, RequestRefusedError) as error:
                problem = str(error)
        context = {
            "names": names,
            "name": record.name,
            "versions": versions,
            "a": a,
            "b": b,
            "compared": compared,
            "problem": problem,
        }
        return await self._frame.show("compare.html", _PATH, context)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [self._frame.page(_PATH, _PATH, self.show, "Compare.")]

    async def _compare(self, name: str, a: str, b: str) -> Compared:
        first, second = await self._releases.find(name, a, "a"), await self._releases.find(name, b, "b")
        answer = await self._judging.compare_releases(first, second)
        found = answer.comparison.difference
        bar = place_bar(found.value, (found.low, found.high), (0.0, 0.0))
        rows = pair_rows(first.points, second.points)
        return Compared(answer, bar, rows, verdict_of(answer), describe(answer))


def pair_rows(a: Sequence[Point], b: Sequence[Point]) -> list[PairedRow]:
    """Absolute errors of the rows that both have, in the order of their keys."""
    second = {point.key: point for point in b}
    return [
        PairedRow(
            point.key,
            point.actual,
            round(abs(point.predicted - point.actual), 4),
            round(abs(second[point.key].predicted - point.actual), 4),
        )
        for point in sorted(a, key=lambda point: point.key)
        if point.key in second
    ]


def verdict_of(answer: ComparisonAnswer) -> str:
    """Name the better version instead of its side."""
    verdict = answer.comparison.verdict
    if verdict == "no difference shown":
        return "No difference shown"
    return f"{answer.b if verdict.startswith('b') else answer.a} is better"


def describe(answer: ComparisonAnswer) -> str:
    """Say the comparison in one sentence."""
    found, unit = answer.comparison, answer.unit
    gap = found.difference
    return (
        f"On {found.rows} rows that both held out, {answer.a} errs by {with_unit(found.mae_a, unit)} and {answer.b} by "
        f"{with_unit(found.mae_b, unit)}; the paired difference is {with_unit(gap.value, unit)} "
        f"({amount(gap.low)} to {amount(gap.high)}, 95\u00a0% bootstrap)."
    )


def _other(numbers: Sequence[str], b: str, champion: str | None) -> str:
    """What a version is compared with before anybody chose: the champion, else the newest other one."""
    if champion is not None and champion != b:
        return champion
    return next((number for number in numbers if number != b), b)
