"""What Prometheus learns of the data access layer; every label is bounded, and none carries SQL or a value."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

# Chosen: from a borrow that finds a free connection (20 us) to the longest statement limit in use.
_SECONDS = (2.5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0)


@dataclass(frozen=True, slots=True)
class PoolState:
    """A pool at one moment."""

    size: int
    """Connections open or being opened."""
    in_use: int
    """Connections that somebody has borrowed."""
    waiting: int
    """Callers that wait for one."""
    limit: int
    """Connections that the pool may open."""


class _PoolCollector(Collector):
    """Asks a pool for its state when Prometheus asks, so that a borrow costs nothing extra."""

    def __init__(self, read: Callable[[], PoolState]) -> None:
        """Remember whom to ask."""
        self._read = read

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per number."""
        state = self._read()
        for name, explained, value in (
            ("size", "Connections open or being opened.", state.size),
            ("in_use", "Connections that are borrowed.", state.in_use),
            ("waiting", "Callers that wait for a connection.", state.waiting),
            ("limit", "Connections that the pool may open.", state.limit),
        ):
            yield GaugeMetricFamily(f"cryo_db_pool_{name}_connections", explained, value=value)


class DatabaseMetrics:
    """Counts one database's pool and queries into the registry that it is given."""

    def __init__(self, registry: CollectorRegistry) -> None:
        """Register every metric.

        Args:
            registry: of the process, or of a test; one `Database` per registry.
        """
        self._registry = registry
        self._pool_wait = Histogram(
            "cryo_db_pool_wait_seconds",
            "From asking for a connection to having a checked one.",
            buckets=_SECONDS,
            registry=registry,
        )
        self._durations = Histogram(
            "cryo_db_query_duration_seconds",
            "From sending a query to holding its answer.",
            ("query",),
            buckets=_SECONDS,
            registry=registry,
        )
        self._errors = Counter(
            "cryo_db_errors",
            "Failed queries by the class of their SQLSTATE; none is a broken connection.",
            ("query", "sqlstate_class"),
            registry=registry,
        )
        self._retries = Counter("cryo_db_retries", "Attempts after the first.", ("query",), registry=registry)
        self._children: dict[str, Histogram] = {}

    def watch_pool(self, read: Callable[[], PoolState]) -> None:
        """Show a pool's size and use."""
        self._registry.register(_PoolCollector(read))

    def observe_wait(self, seconds: float) -> None:
        """Record how long a caller waited for a connection."""
        self._pool_wait.observe(seconds)

    def observe_query(self, query: str, seconds: float) -> None:
        """Record how long a query took, failed or not."""
        child = self._children.get(query)
        if child is None:
            child = self._children[query] = self._durations.labels(query)
        child.observe(seconds)

    def count_error(self, query: str, sqlstate_class: str) -> None:
        """Record a failed query."""
        self._errors.labels(query, sqlstate_class).inc()

    def count_retry(self, query: str) -> None:
        """Record that work is attempted once more."""
        self._retries.labels(query).inc()
