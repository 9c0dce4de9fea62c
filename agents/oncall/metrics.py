"""What Prometheus learns of the on-call agent; people and alerts are never labels."""

import time
from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agents.oncall.roster import ChannelName

# Chosen: a page should be there within a minute; what takes an hour waited for a channel.
_DELIVERY_S = (0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0)
_REQUEST_S = (1e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
OUTCOMES = ("sent", "unreachable", "refused", "limited", "unknown", "failed", "moot")
STATUSES = ("open", "acknowledged", "calming")


class OncallMetrics:
    """Every metric of the process, in the registry that it is given; label sets begin at zero."""

    def __init__(self, registry: CollectorRegistry, channels: Iterable[ChannelName]) -> None:
        """Register every metric."""
        self.registry = registry
        self.channels = tuple(channels)
        self._deliveries = Counter(
            "cryo_oncall_deliveries", "Attempts to send by outcome.", ("channel", "outcome"), registry=registry
        )
        self._up = Gauge(
            "cryo_oncall_channel_up",
            "0 when the latest attempt of the channel failed.",
            ("channel",),
            registry=registry,
        )
        self._delays = Histogram(
            "cryo_oncall_delivery_delay_seconds",
            "From the decision to the message taken by its channel.",
            ("channel",),
            buckets=_DELIVERY_S,
            registry=registry,
        )
        self.waiting = Gauge("cryo_oncall_waiting_messages", "Messages not sent yet.", ("channel",), registry=registry)
        self.waiting_age = Gauge(
            "cryo_oncall_waiting_age_seconds", "Age of the oldest of them.", ("channel",), registry=registry
        )
        self.incidents = Gauge("cryo_oncall_incidents", "Incidents that are not over.", ("status",), registry=registry)
        self._notices = Counter(
            "cryo_oncall_notices", "Notifications of Alertmanager by outcome.", ("outcome",), registry=registry
        )
        self._pages = Counter("cryo_oncall_pages", "Steps taken.", registry=registry)
        self.emergencies = Counter(
            "cryo_oncall_emergency_messages", "Sent without the database, by outcome.", ("outcome",), registry=registry
        )
        self._register_process()
        for channel in self.channels:
            self._begin(channel)
        for status in STATUSES:
            self.incidents.labels(status).set(0)
        for outcome in ("recorded", "unchanged", "refused", "failed"):
            self._notices.labels(outcome)
        for outcome in ("sent", "failed"):
            self.emergencies.labels(outcome)

    def _register_process(self) -> None:
        """Register what tells of the process itself rather than of incidents."""
        registry = self.registry
        self._store = Gauge("cryo_oncall_store_up", "0 when the database did not answer.", registry=registry)
        self._loops = Gauge(
            "cryo_oncall_loop_timestamp_seconds", "When a worker last looked for work.", ("worker",), registry=registry
        )
        self._failures = Counter(
            "cryo_oncall_worker_failures",
            "Rounds of a worker that ended with an error.",
            ("worker",),
            registry=registry,
        )
        self._heartbeat = Gauge(
            "cryo_oncall_heartbeat_age_seconds", "Since the last heartbeat, or the start.", registry=registry
        )
        self._requests = Counter("cryo_oncall_requests", "Requests answered.", ("route", "status"), registry=registry)
        self._durations = Histogram(
            "cryo_oncall_request_duration_seconds",
            "From the parsed head to the answer handed over.",
            ("route",),
            buckets=_REQUEST_S,
            registry=registry,
        )
        self.configured = Gauge("cryo_oncall_channels_configured", "Channels that reach a person.", registry=registry)
        self.draining = Gauge("cryo_oncall_draining", "1 after SIGTERM.", registry=registry)

    def watch_heartbeat(self, read: Callable[[], float]) -> None:
        """Show how long ago the last heartbeat was."""
        self._heartbeat.set_function(read)

    def count_delivery(self, channel: ChannelName, outcome: str) -> None:
        """Record an attempt that failed, or a message that is not needed any more."""
        self._deliveries.labels(channel, outcome).inc()
        if outcome != "moot":
            self._up.labels(channel).set(0)

    def observe_delivery(self, channel: ChannelName, delay_s: float) -> None:
        """Record a message that its channel took."""
        self._deliveries.labels(channel, "sent").inc()
        self._up.labels(channel).set(1)
        self._delays.labels(channel).observe(delay_s)

    def count_notice(self, outcome: str) -> None:
        """Record a notification: recorded, unchanged, refused or failed."""
        self._notices.labels(outcome).inc()

    def count_page(self) -> None:
        """Record that a step was taken."""
        self._pages.inc()

    def show_store(self, *, up: bool) -> None:
        """Record whether the database answered."""
        self._store.set(1 if up else 0)

    def show_loop(self, worker: str) -> None:
        """Record that a worker looks for work."""
        self._loops.labels(worker).set(time.time())

    def count_failure(self, worker: str) -> None:
        """Record that a worker's round ended with an error."""
        self._failures.labels(worker).inc()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Record one request."""
        self._requests.labels(route, str(status)).inc()
        self._durations.labels(route).observe(seconds)

    def _begin(self, channel: ChannelName) -> None:
        for outcome in OUTCOMES:
            self._deliveries.labels(channel, outcome)
        self._up.labels(channel).set(1)
        self.waiting.labels(channel).set(0)
        self.waiting_age.labels(channel).set(0)
