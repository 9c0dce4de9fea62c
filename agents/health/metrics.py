"""What Prometheus learns of the database's health; a check's id is a label, an object never is."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from agents.health.findings import Report, Status

# Chosen: from an answer out of memory to the longest full look.
_SECONDS = (1e-3, 5e-3, 2.5e-2, 0.1, 0.3, 1.0, 2.0, 5.0, 20.0, 60.0)


class HealthMetrics:
    """Every metric of one process that answers for health, in the registry that it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric."""
        self.registry = registry
        self._status = Gauge(
            "cryo_health_check_status",
            "Last status of a check: 0 ok, 1 skipped, 2 info, 3 warn, 4 unknown, 5 critical.",
            ("check",),
            registry=registry,
        )
        self._findings = Gauge("cryo_health_check_findings", "Findings of a check.", ("check",), registry=registry)
        self._taken = Gauge(
            "cryo_health_last_look_timestamp_seconds", "When a profile was last asked.", ("profile",), registry=registry
        )
        self._looks = Histogram(
            "cryo_health_look_duration_seconds", "One run of checks.", ("profile",), buckets=_SECONDS, registry=registry
        )
        self._fixes = Counter("cryo_health_fixes", "Fixes by kind and end.", ("fix", "outcome"), registry=registry)
        self._requests = Counter("cryo_health_requests", "Requests answered.", ("route", "status"), registry=registry)
        self._durations = Histogram(
            "cryo_health_request_duration_seconds",
            "From the parsed head to the answer handed over.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        self.draining = Gauge("cryo_health_draining", "1 after SIGTERM.", registry=registry)

    def show(self, report: Report, now_s: float) -> None:
        """Show a report."""
        for outcome in report.outcomes:
            self._status.labels(outcome.id).set(list(Status).index(outcome.status))
            self._findings.labels(outcome.id).set(outcome.total)
        self._taken.labels(report.profile).set(now_s)
        self._looks.labels(report.profile).observe(report.duration_ms / 1000)

    def count_fix(self, fix: str, *, mended: bool) -> None:
        """Record one step."""
        self._fixes.labels(fix, "mended" if mended else "failed").inc()

    def count_request(self, route: str, status: int, seconds: float) -> None:
        """Record one request."""
        self._requests.labels(route, str(status)).inc()
        self._durations.labels(route).observe(seconds)
