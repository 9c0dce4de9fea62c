"""Names and labels of every metric the server emits. Labels are bounded: never a SMILES string or a request id."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_server.serve.cache import CacheCounts
from model_server.serve.routes import METHOD_OF, Route

# Chosen: from a cached answer (50 us) to a cold batch of 256 molecules on a busy core.
_SECONDS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
_METHODS = frozenset({*METHOD_OF.values(), "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"})


class _CacheCollector(Collector):
    """Reads the counters of the caches when Prometheus asks, so that a lookup costs nothing extra."""

    def __init__(self, caches: Mapping[str, CacheCounts]) -> None:
        """Remember the caches."""
        self._caches = caches

    def collect(self) -> Iterator[Metric]:
        """Yield lookups by result, and entries."""
        lookups = CounterMetricFamily(
            "cryo_model_cache_lookups", "Cache lookups by cache and result.", labels=("cache", "result")
        )
        entries = GaugeMetricFamily("cryo_model_cache_entries", "Entries held per cache.", labels=("cache",))
        for name, cache in self._caches.items():
            lookups.add_metric((name, "hit"), cache.hits)
            lookups.add_metric((name, "miss"), cache.misses)
            entries.add_metric((name,), len(cache))
        yield lookups
        yield entries


class ServeMetrics:
    """Every metric of one worker, in its own registry."""

    def __init__(self) -> None:
        """Register every metric in a fresh registry."""
        self.registry = registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._requests = Counter(
            "cryo_model_requests", "Requests answered.", ("route", "method", "status"), registry=registry
        )
        self._durations = Histogram(
            "cryo_model_request_duration_seconds",
            "From the parsed head to the answer handed over.",
            ("route",),
            buckets=_SECONDS,
            registry=registry,
        )
        model_labels = ("model", "version")
        self.predictions = Counter("cryo_model_predictions", "Molecules predicted.", model_labels, registry=registry)
        self.out_of_domain = Counter(
            "cryo_model_out_of_domain", "Molecules predicted outside the domain.", model_labels, registry=registry
        )
        self.inference = Histogram(
            "cryo_model_inference_duration_seconds",
            "One run of the graph, any number of rows.",
            model_labels,
            buckets=_SECONDS,
            registry=registry,
        )
        self.describe = Histogram(
            "cryo_model_describe_duration_seconds",
            "SMILES to features and similarity, one molecule that was not cached.",
            buckets=_SECONDS,
            registry=registry,
        )
        self.info = Gauge("cryo_model_info", "1 per loaded model.", (*model_labels, "colour"), registry=registry)
        self.ready = Gauge("cryo_model_ready", "1 when the expected model is loaded.", ("model",), registry=registry)
        self.load_seconds = Gauge(
            "cryo_model_load_duration_seconds", "Loading, verifying and warming.", ("model",), registry=registry
        )
        self.in_flight = Gauge("cryo_model_in_flight_requests", "Requests being answered.", registry=registry)
        self.draining = Gauge("cryo_model_draining", "1 after SIGTERM.", registry=registry)
        self._request_children: dict[tuple[str, str, int], Counter] = {}
        self._duration_children = {route: self._durations.labels(route.value) for route in Route}

    def watch_caches(self, caches: Mapping[str, CacheCounts]) -> None:
        """Expose the counters of the named caches."""
        self.registry.register(_CacheCollector(caches))

    def count_request(self, route: Route, method: str, *, status: int, seconds: float) -> None:
        """Count one answered request; methods nobody defined share one label."""
        key = (route.value, method if method in _METHODS else "other", status)
        child = self._request_children.get(key)
        if child is None:
            child = self._request_children[key] = self._requests.labels(key[0], key[1], str(status))
        child.inc()
        self._duration_children[route].observe(seconds)
