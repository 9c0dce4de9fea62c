"""What Prometheus learns of flags; a flag's name is a label, a person or a team never is."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

# Chosen: an answer comes from memory, in 50 us; what takes a second waits for a processor.
_SECONDS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 5e-2, 0.25, 1.0)


class FlagMetrics:
    """Every metric of one process that answers for flags, in the registry that it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric."""
        self.registry = registry
        self._evaluations = Counter(
            "cryo_flags_evaluations",
            "Answers by flag, value and reason.",
            ("flag", "variant", "reason"),
            registry=registry,
        )
        self._refreshes = Counter(
            "cryo_flags_refreshes", "Reads of all flags by outcome.", ("outcome",), registry=registry
        )
        self._age = Gauge("cryo_flags_snapshot_age_seconds", "Age of the flags that are served.", registry=registry)
        self._requests = Counter("cryo_flags_requests", "Requests answered.", ("route", "status"), registry=registry)
        self._durations = Histogram(
            "cryo_flags_request_duration_seconds",
            "From the parsed head to the answer handed over.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.draining = Gauge("cryo_flags_draining", "1 after SIGTERM.", registry=registry)

    def watch_age(self, read: Callable[[], float]) -> None:
        """Show how old the flags are; NaN before the first read."""
        self._age.set_function(read)

    def count_evaluation(self, flag: str, variant: str, reason: str) -> None:
        """Record one answer for a flag that exists."""
        self._evaluations.labels(flag, variant, reason).inc()

    def count_refresh(self, outcome: str) -> None:
        """Record one read: changed, unchanged or failed."""
        self._refreshes.labels(outcome).inc()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Record one request."""
        self._requests.labels(route, str(status)).inc()
        self._durations.labels(route).observe(seconds)
