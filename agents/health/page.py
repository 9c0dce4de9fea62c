"""A report as one self-contained page: no script, no address that it would load anything from."""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib import resources

import jinja2

from agents.health.findings import Report, Status
from agents.health.reports import Difference

_WIDTH, _HEIGHT = 120, 24


def render_page(report: Report, *, difference: Difference | None, trends: Mapping[str, Sequence[int]]) -> str:
    """Write a report for a browser.

    Args:
        report: what was found.
        difference: what changed since the report before; None when there is none.
        trends: findings of each group over time, oldest first.
    """
    shown = [each for each in report.outcomes if each.status not in {Status.OK, Status.SKIPPED}]
    return _template().render(
        report=report,
        difference=difference,
        outcomes=sorted(shown, key=lambda each: (-each.status.rank, each.id)),
        skipped=[each for each in report.outcomes if each.status is Status.SKIPPED],
        trends={group: (values[-1], draw_line(values)) for group, values in trends.items() if values},
        size=(_WIDTH, _HEIGHT),
    )


def draw_line(values: Sequence[int]) -> str:
    """Return the points of an SVG polyline through the values; the largest touches the top, zero the bottom."""
    top = max(*values, 1)
    step = _WIDTH / max(len(values) - 1, 1)
    return " ".join(
        f"{place * step:.1f},{_HEIGHT - 1 - value / top * (_HEIGHT - 2):.1f}" for place, value in enumerate(values)
    )


@cache
def _template() -> jinja2.Template:
    text = resources.files("agents.health").joinpath("report.html.jinja").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return environment.from_string(text)
