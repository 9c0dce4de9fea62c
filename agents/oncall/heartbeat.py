"""Watches the Watchdog from outside: an alert that always fires, and whose silence means that nobody would be told."""

from dataclasses import dataclass
from datetime import datetime

from agents.oncall.incident import Alert
from agents.oncall.payload import Notice

GROUP_KEY = "oncall:heartbeat"
ALERT_NAME = "HeartbeatMissing"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """The last sign of life; a new process counts its own start as one, because it could not hear before."""

    last_at: datetime
    limit_s: float
    """0: not watched."""

    def beat(self, now: datetime) -> "Heartbeat":
        """Take in a sign of life."""
        return Heartbeat(max(now, self.last_at), self.limit_s)

    def age_s(self, now: datetime) -> float:
        """Return how long it has been silent."""
        return max(0.0, (now - self.last_at).total_seconds())

    def is_missing(self, now: datetime) -> bool:
        """Whether the silence is longer than allowed."""
        return self.limit_s > 0 and self.age_s(now) > self.limit_s

    def as_notice(self, *, firing: bool) -> Notice:
        """Say that it is missing, or back, in the form in which Alertmanager speaks."""
        summary = f"no heartbeat of Alertmanager for {self.limit_s:g} s: alerts may reach nobody"
        description = (
            "Prometheus, Alertmanager or the way between them is down. This page comes from the on-call agent itself. "
            "Look at `cryo status`, then at the logs of prometheus and alertmanager."
        )
        alert = Alert(
            fingerprint="heartbeat",
            starts_at=self.last_at,
            labels={"alertname": ALERT_NAME, "severity": "critical", "service": "alerting"},
            annotations={"summary": summary, "description": description},
        )
        return Notice(GROUP_KEY, firing, (alert,))
