"""What Kubernetes and Prometheus ask."""

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from model_server.serve.endpoint import Call, Endpoint, Style
from model_server.serve.failures import Failure, render_failure
from model_server.serve.http.message import Answer
from model_server.serve.metrics import ServeMetrics
from model_server.serve.readiness import Readiness
from model_server.serve.wire import Status, encode

_TAG = "Operations"


class Probes:
    """Handlers for liveness, readiness and metrics."""

    def __init__(self, readiness: Readiness, metrics: ServeMetrics) -> None:
        """Take the parts."""
        self._readiness = readiness
        self._metrics = metrics

    def live(self, _call: Call) -> Answer:
        """Say that the process answers; models have no part in it."""
        return Answer(200, encode(Status("alive")))

    def ready(self, _call: Call) -> Answer:
        """Say whether traffic may come, or why not."""
        reasons = self._readiness.reasons
        if reasons:
            return render_failure(Failure(503, "not_ready", "; ".join(reasons)), Style.API)
        return Answer(200, encode(Status("ready")))

    def metrics(self, _call: Call) -> Answer:
        """Expose every metric."""
        return Answer(200, generate_latest(self._metrics.registry), CONTENT_TYPE_LATEST.encode())

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoints."""
        return [
            Endpoint("GET", "/livez", self.live, "Liveness.", _TAG, answer=Status, exempt=True),
            Endpoint("GET", "/readyz", self.ready, "Readiness.", _TAG, answer=Status, statuses=(503,), exempt=True),
            Endpoint("GET", "/metrics", self.metrics, "Prometheus metrics.", _TAG, exempt=True),
        ]
