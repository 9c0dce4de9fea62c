"""GET /api/v1/drift and its gauges: whether the traffic of a version still looks like its training."""

import math
from collections.abc import Callable, Iterator
from time import monotonic
from typing import NamedTuple

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from model_server.drift.verdict import Verdict
from model_server.serve.endpoint import Call, Endpoint, Parameter
from model_server.serve.http.message import Answer
from model_server.serve.metrics import ServeMetrics
from model_server.serve.predictor import Predictor
from model_server.serve.shelf import Shelf
from model_server.serve.wire import encode

# Chosen: a verdict costs milliseconds of the thread that answers; a scrape never asks for more of them than this.
_REFRESH_S = 10.0


class _Gauge(NamedTuple):
    name: str
    documentation: str
    read: Callable[[Verdict], float | None]


_GAUGES = (
    _Gauge("drift_alarm", "1 when the traffic has left the training data.", lambda it: float(it.alarm)),
    _Gauge("drift_samples", "Questions in the drift window.", lambda it: float(it.samples)),
    _Gauge("prediction_psi", "Population stability index of the predictions.", lambda it: it.prediction.psi),
    _Gauge("prediction_distance", "Kolmogorov distance of the predictions.", lambda it: it.prediction.distance),
    _Gauge("out_of_domain_share", "Share of questions outside the domain.", lambda it: it.out_of_domain.share),
    _Gauge("interval_width_ratio", "Interval width over that of the evaluation.", lambda it: it.interval_width.ratio),
    _Gauge("label_count", "Measurements that arrived.", lambda it: float(it.labels.count) if it.labels else 0.0),
    _Gauge(
        "label_coverage", "Measurements inside their interval.", lambda it: it.labels.coverage if it.labels else None
    ),
    _Gauge("label_mae", "Mean absolute error of measurements.", lambda it: it.labels.mae if it.labels else None),
)


class DriftAnswer(Verdict, frozen=True, kw_only=True):
    """Body of GET /api/v1/drift."""

    model: str
    version: str


class Drift:
    """The handler, over the shelf of one worker."""

    def __init__(self, shelf: Shelf, metrics: ServeMetrics) -> None:
        """Take the shelf, and put the gauges among the metrics."""
        self._shelf = shelf
        metrics.registry.register(_DriftCollector(shelf))

    def show(self, call: Call) -> Answer:
        """Judge the window of one version."""
        return Answer(200, encode(self.judge(call.query["model"], call.query.get("version"))))

    def judge(self, model: str, version: str | None) -> DriftAnswer:
        """Judge the window of one version.

        Raises:
            RequestRefusedError: 404, no such model or version (permanent).
            ModelNotReadyError: it is not loaded (temporary).
        """
        predictor = self._shelf.find(model, version, status=404)
        verdict = predictor.judge_traffic()
        parts = {name: getattr(verdict, name) for name in verdict.__struct_fields__}
        return DriftAnswer(model=predictor.name.name, version=predictor.name.version, **parts)

    def endpoints(self) -> list[Endpoint]:
        """Describe the endpoint."""
        return [
            Endpoint(
                "GET",
                "/api/v1/drift",
                self.show,
                "Live traffic beside training.",
                "Evaluation",
                answer=DriftAnswer,
                query=(
                    Parameter("model", "Name of a model.", required=True),
                    Parameter("version", "Number or alias; the champion when absent."),
                ),
                statuses=(404, 422, 503),
            )
        ]


class _DriftCollector(Collector):
    """Judges every loaded version when Prometheus asks, but not again within seconds."""

    def __init__(self, shelf: Shelf) -> None:
        """Take the shelf."""
        self._shelf = shelf
        self._kept: dict[str, tuple[float, Verdict]] = {}

    def describe(self) -> list[Metric]:
        """Name nothing at registration; nothing is loaded then."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield one gauge per figure; what has no value yet is not a number."""
        verdicts = [(predictor, self._verdict(predictor)) for predictor in self._predictors()]
        self._kept = {predictor.name.digest: self._kept[predictor.name.digest] for predictor, _ in verdicts}
        for name, documentation, read in _GAUGES:
            family = GaugeMetricFamily(f"cryo_model_{name}", documentation, labels=("model", "version"))
            for predictor, verdict in verdicts:
                family.add_metric((predictor.name.name, predictor.name.version), _number(read(verdict)))
            yield family
        psi = GaugeMetricFamily(
            "cryo_model_feature_psi", "Population stability index.", labels=("model", "version", "feature")
        )
        for predictor, verdict in verdicts:
            for feature in verdict.features:
                labels = (predictor.name.name, predictor.name.version, feature.name)
                psi.add_metric(labels, _number(feature.psi))
        yield psi

    def _predictors(self) -> Iterator[Predictor]:
        for name in self._shelf.names:
            yield from self._shelf.served(name).versions.values()

    def _verdict(self, predictor: Predictor) -> Verdict:
        now, digest = monotonic(), predictor.name.digest
        kept = self._kept.get(digest)
        if kept is None or now - kept[0] > _REFRESH_S:
            kept = self._kept[digest] = now, predictor.judge_traffic()
        return kept[1]


def _number(value: float | None) -> float:
    return math.nan if value is None else value
