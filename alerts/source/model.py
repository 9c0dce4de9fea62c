"""What an alert is, and the scenes that prove it: which series make it fire, and with which it must not.

Everything here is a value; `alerts.source.render` turns it into files.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

# A series of a scene in promtool's notation without a count: "5" stands still, "0+60" rises by 60 at each sample.
Series = Mapping[str, str]


class Severity(StrEnum):
    """What a person has to do."""

    CRITICAL = "critical"
    """Wakes somebody: users are hurt, or data is at risk, now."""
    WARNING = "warning"
    """Is looked at on the next working day."""
    INFO = "info"
    """Explains other alerts; goes nowhere by itself."""
    NONE = "none"
    """The heartbeat."""


class Team(StrEnum):
    """Who owns an alert; docs/alerts.md says how each is reached."""

    PLATFORM = "platform"
    DATA = "data"
    MODELS = "models"


@dataclass(frozen=True, slots=True)
class Scene:
    """Input that makes one alert fire, with one number left open.

    Attributes:
        series: what is scraped, given that number.
        over: a number with which it fires; close to the limit, so that a shifted limit is noticed.
        limit: the number at the limit, with which it must not fire.
        healthy: an everyday number.
        labels: labels of the firing alert besides those of the rule.
        beside: series that are always there and must never count, such as another service that is down.
        begins_s: seconds until the expression is true, where that is not at once.
        settle_s: seconds until it has surely been true, such as a window that fills.
        name: tells scenes of one alert apart.
    """

    series: Callable[[float], Series]
    over: float
    limit: float
    healthy: float
    labels: Mapping[str, str] = field(default_factory=dict)
    beside: Series = field(default_factory=dict)
    begins_s: int = 0
    settle_s: int = 60
    name: str = "scene"


@dataclass(frozen=True, slots=True)
class Alert:
    """One alerting rule.

    Attributes:
        name: also the name of its runbook.
        expr: PromQL.
        for_s: seconds that the expression has to be true.
        keep_firing_s: seconds that it goes on after the expression is false, against flapping.
        summary: one line without a value.
        description: what is seen, with the value.
        scenes: what proves it; at least one.
        fires_without_data: labels of each alert that fires when nothing is scraped; None when none does.
    """

    name: str
    severity: Severity
    service: str
    team: Team
    expr: str
    for_s: int
    summary: str
    description: str
    scenes: tuple[Scene, ...]
    keep_firing_s: int = 0
    fires_without_data: tuple[Mapping[str, str], ...] | None = None


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording rule."""

    name: str
    expr: str


@dataclass(frozen=True, slots=True)
class RuleFile:
    """One file of rules.

    Attributes:
        name: file name without `_alerts.yml`.
        component: label of every alert in it.
        recordings: evaluated before the alerts, in this order.
    """

    name: str
    component: str
    alerts: tuple[Alert, ...]
    recordings: tuple[Recording, ...] = ()
