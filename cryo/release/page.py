"""One HTML page of a release: what was released, what decided and when; complete in itself, to be kept or sent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import jinja2

from agents.release.record import ReleaseRecord, Transition
from agents.release.states import Phase

_TEMPLATES = Path(__file__).parent / "templates"
_BAD = frozenset({Phase.REFUSED, Phase.ROLLING_BACK, Phase.ROLLED_BACK})
_OUTCOMES = {
    Phase.SETTLED: "promoted and settled",
    Phase.ROLLED_BACK: "rolled back",
    Phase.REFUSED: "refused before any user was touched",
}
# Chosen: user units of the chart; the page scales it to its width.
_WIDTH, _HEIGHT = 600.0, 120.0


@dataclass(frozen=True, slots=True)
class Row:
    """One phase as the page shows it."""

    step: Transition
    seconds: float | None
    """How long it took; None for the last one."""
    is_bad: bool


def render_page(record: ReleaseRecord, *, settings: Mapping[str, object], git: str) -> str:
    """Return the page.

    Args:
        record: the release.
        settings: steps, gates and limits of its environment, by name.
        git: the commit that asked for it, with its author; empty when nobody knows.
    """
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined
    )
    return environment.get_template("release.html.j2").render(
        record=record,
        outcome=_OUTCOMES.get(record.phase, f"under way: {record.phase}"),
        is_bad=record.phase in _BAD,
        rows=_rows(record),
        settings=settings,
        git=git,
        chart=draw_shares(record),
        size=(_WIDTH, _HEIGHT),
    )


def draw_shares(record: ReleaseRecord) -> str:
    """Return the points of a line: the new colour's share of traffic over the time of the release, in user units."""
    moments = [datetime.fromisoformat(step.at) for step in record.transitions]
    whole_s = max((moments[-1] - moments[0]).total_seconds(), 1.0)
    points: list[tuple[float, float]] = []
    height = _HEIGHT
    for step, moment in zip(record.transitions, moments, strict=True):
        x = _WIDTH * (moment - moments[0]).total_seconds() / whole_s
        points.append((x, height))
        height = _HEIGHT * (1 - step.share / 100)
        points.append((x, height))
    points.append((_WIDTH, height))
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in points)


def _rows(record: ReleaseRecord) -> list[Row]:
    moments = [datetime.fromisoformat(step.at) for step in record.transitions]
    seconds = [(later - earlier).total_seconds() for earlier, later in pairwise(moments)]
    return [
        Row(step, took_s, step.phase in _BAD) for step, took_s in zip(record.transitions, [*seconds, None], strict=True)
    ]
