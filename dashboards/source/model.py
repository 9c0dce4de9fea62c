"""What a dashboard is before Grafana: panels that say which question they answer and which alerts they belong to."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from dashboards.source.limits import limit_of


class Unit(StrEnum):
    """Units by the names Grafana gives them; a metric carries base units."""

    BYTES = "bytes"
    COUNT = "short"
    PER_SECOND = "reqps"
    SECONDS = "s"
    SHARE = "percentunit"
    YES_NO = "bool"


@dataclass(frozen=True, slots=True)
class Query:
    """One PromQL expression and how its series are called in the legend."""

    expr: str
    legend: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One picture.

    Attributes:
        title: unique in its dashboard.
        says: which question it answers and what a bad answer looks like.
        queries: at least one.
        unit: of every query.
        alerts: alerts that watch the same metric; their runbooks are linked.
        lines: the alerts among them whose limit is drawn, because it holds for what is plotted.
    """

    title: str
    says: str
    queries: tuple[Query, ...]
    unit: Unit
    alerts: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()

    def with_line(self, alert: str) -> Panel:
        """Return the panel with the limit of one more alert on the same expression."""
        return replace(self, alerts=(*self.alerts, alert), lines=(*self.lines, alert))


@dataclass(frozen=True, slots=True)
class Dashboard:
    """One page.

    Attributes:
        name: file name and end of the uid, which must never change: links and bookmarks hold it.
        panels: at most 20, in reading order.
    """

    name: str
    title: str
    says: str
    panels: tuple[Panel, ...]


def watched(alert: str, title: str, says: str, unit: Unit, legend: str) -> Panel:
    """Return the panel of exactly what an alert compares, with its limit drawn."""
    return Panel(title, says, (Query(limit_of(alert).expr, legend),), unit, (alert,), (alert,))
