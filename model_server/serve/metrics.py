"""Names and labels of every metric the server emits. Labels are bounded: never a SMILES string or a request id."""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, Gauge, PlatformCollector, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_server.serve.cache import CacheCounts
from model_server.serve.tally import Cell, Distribution, Histogram, Tally

# Chosen: from a cached answer (50 us) to a cold batch of 256 molecules on a busy core.
_SECONDS = (5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 1e-2, 2.5e-2, 5e-2, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
# Chosen: one scale for kelvins, percent of grain size and percent of viability.
_UNITS = (0.1, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0)
_METHODS = frozenset({"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"})
# Every reason an inference can fail for; whatever else appears is counted as other.
REASONS = frozenset(
    {
        "bad_request",
        "disabled",
        "internal_error",
        "model_not_ready",
        "queue_full",
        "unknown_model",
    }
)


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
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._requests = self._tally("requests", "Requests answered.", "route", "method", "status")
        self._durations = self._distribution("request_duration_seconds", "First byte to answer handed over.", "route")
        model = ("model", "version")
        self.predictions = self._tally("predictions", "Rows predicted by the domain API.", *model)
        self.out_of_domain = self._tally("out_of_domain", "Rows predicted outside the domain.", *model)
        self.infer_requests = self._tally("infer_requests", "Inference requests.", *model, "outcome", "reason")
        self.infer_rows = self._tally("infer_rows", "Rows answered by inference requests.", *model)
        self.infer_executions = self._tally("infer_executions", "Runs of a graph; a batch of requests is one.", *model)
        self.infer_seconds = self._distribution("infer_duration_seconds", "One inference, decoding included.", *model)
        self.inference = self._distribution("inference_duration_seconds", "One run of the graph, any rows.", *model)
        self.queue_seconds = self._distribution("queue_duration_seconds", "Waiting for a batch.", *model)
        self.interval_width = self._distribution("interval_width", "Upper minus lower.", *model, edges=_UNITS)
        self.shadow_difference = self._distribution(
            "shadow_difference", "Challenger minus champion, absolute.", *model, edges=_UNITS
        )
        self.describe = self._distribution(
            "feature_duration_seconds", "Question to features, one not cached.", "recipe"
        )
        self.shadow_dropped = self._tally("shadow_dropped", "Shadow runs left out because too many waited.", *model)
        self.loads = self._tally("loads", "Attempts to load a version.", *model, "outcome")
        self.info = self._gauge("info", "1 per loaded version.", *model, "colour")
        self.loaded = self._gauge("loaded", "1 per loaded version and alias.", *model, "alias")
        self.ready = self._gauge("ready", "1 when the expected model is loaded.", "model")
        self.switched_off = self._gauge("switched_off", "1 per model that its feature flag switches off.", "model")
        self.flags_age = self._gauge("flags_age_seconds", "Since the flags service answered; NaN before it did.")
        self.load_seconds = self._gauge("load_duration_seconds", "Loading, verifying and warming.", *model)
        self.queue_rows = self._gauge("queue_rows", "Rows waiting for a run.")
        self.in_flight = self._gauge("in_flight_requests", "Requests being received or answered.")
        self.draining = self._gauge("draining", "1 after SIGTERM.")
        self._cells: dict[tuple[str, str, int], tuple[Cell, Histogram]] = {}

    def watch_caches(self, caches: Mapping[str, CacheCounts]) -> None:
        """Expose the counters of the named caches."""
        self.registry.register(_CacheCollector(caches))

    def count_request(self, route: str, method: str, *, status: int, seconds: float) -> None:
        """Count one answered request; methods nobody defined share one label."""
        key = (route, method, status)
        found = self._cells.get(key)
        if found is None:
            known = method if method in _METHODS else "other"
            found = self._requests.cell(route, known, str(status)), self._durations.histogram(route)
            if known == method:
                self._cells[key] = found
        found[0].value += 1
        found[1].observe(seconds)

    def count_failure(self, model: str, version: str, reason: str) -> None:
        """Count an inference that failed; names must be those of known models."""
        self.infer_requests.cell(model, version, "failure", reason if reason in REASONS else "other").value += 1

    def show_aliases(self, model: str, aliases: Mapping[str, str], previous: Mapping[str, str]) -> None:
        """Show which version each alias of a model points to."""
        for alias, version in previous.items():
            if aliases.get(alias) != version:
                self.loaded.labels(model, version, alias).set(0)
        for alias, version in aliases.items():
            self.loaded.labels(model, version, alias).set(1)

    def _tally(self, name: str, documentation: str, *labels: str) -> Tally:
        tally = Tally(f"cryo_model_{name}", documentation, labels)
        self.registry.register(tally)
        return tally

    def _distribution(
        self, name: str, documentation: str, *labels: str, edges: tuple[float, ...] = _SECONDS
    ) -> Distribution:
        distribution = Distribution(f"cryo_model_{name}", documentation, labels, edges)
        self.registry.register(distribution)
        return distribution

    def _gauge(self, name: str, documentation: str, *labels: str) -> Gauge:
        return Gauge(f"cryo_model_{name}", documentation, labels, registry=self.registry)
