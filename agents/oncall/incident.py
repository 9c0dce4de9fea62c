"""What is known of one incident: a group of alerts from its first firing to its end; pure values."""

from datetime import datetime
from enum import StrEnum

import msgspec


class Status(StrEnum):
    """Where an incident stands."""

    OPEN = "open"
    """It fires and nobody has acknowledged it."""
    ACKNOWLEDGED = "acknowledged"
    """It fires and somebody works on it."""
    CALMING = "calming"
    """It is quiet, and not yet for long enough to believe it."""
    RESOLVED = "resolved"
    """It is over."""


class Alert(msgspec.Struct, frozen=True):
    """One alert of an incident."""

    fingerprint: str
    starts_at: datetime
    labels: dict[str, str]
    annotations: dict[str, str]


class Incident(msgspec.Struct, frozen=True, kw_only=True):
    """One incident between two events."""

    group_key: str
    policy: str
    """Name of the policy in the roster; kept when routes change while it is open."""
    rank: int
    """Place of the route that chose the policy; lower is more urgent."""
    status: Status
    opened_at: datetime
    """When this round began."""
    since: datetime
    """When the status began."""
    alerts: tuple[Alert, ...]
    due_at: datetime | None = None
    """When the machine has something to do by itself; None: never."""
    stage: int = 0
    """Steps that were ordered in this round, repetitions included."""
    round: int = 0
    """How often it began again: after its end, after an acknowledge that ran out, or because it became more urgent."""
    paged_at: datetime | None = None
    """When the last step was ordered."""
    calm_s: float
    """How long it has to be quiet at present."""
    flaps: int = 0
    """How often it came back while calming, in this round."""
    resumes: Status = Status.OPEN
    """What it is again when it comes back while calming."""
    actor: str = ""
    """Who acknowledged it, or ended it by hand."""
    by_hand: bool = False
    """Whether a person said that it is over."""
    names: tuple[str, ...] = ()
    """Names of all alerts that were ever part of it, sorted."""
    hidden: int = 0
    """Alerts that Alertmanager left out of its notification."""
    alertmanager_url: str = ""

    @property
    def fingerprints(self) -> frozenset[str]:
        """Alerts by their identity."""
        return frozenset(alert.fingerprint for alert in self.alerts)

    def label(self, name: str) -> str:
        """Return a label that all alerts share, or nothing."""
        values = {alert.labels.get(name, "") for alert in self.alerts}
        return values.pop() if len(values) == 1 else ""

    @property
    def severity(self) -> str:
        """The severity of the most urgent alert."""
        found = {alert.labels.get("severity", "none") for alert in self.alerts}
        return next((each for each in ("critical", "warning", "info") if each in found), "none")
