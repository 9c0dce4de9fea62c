"""The two verbs, from settings to an answer that a person or a machine can read."""

from collections.abc import Mapping
from dataclasses import dataclass

from structlog.typing import FilteringBoundLogger

from agents.release.probe import HttpProbe
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.routes import read_weights
from agents.release.switch import Switch, SwitchRequest
from agents.runtime import names
from agents.runtime.clock import Clock
from agents.runtime.cluster import Kube
from agents.runtime.kube import KubeClient
from agents.runtime.settings import ClusterSettings


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


def connect_cluster(environ: Mapping[str, str]) -> Kube:
    """Open the cluster that the environment names."""
    return KubeClient.connect(ClusterSettings.from_environ(environ))


def switch_traffic(request: SwitchRequest, kube: Kube, *, clock: Clock, log: FilteringBoundLogger) -> Answer:
    """Run a release and say how it ended."""
    store = RecordStore(kube, request.namespace, request.app)
    outcome = Switch(request, kube, HttpProbe(clock), clock, log, store).run()
    data = {
        "result": outcome.result,
        "because": list(outcome.because),
        "record": outcome.record.to_json() if outcome.record else None,
    }
    return Answer(data, [f"{outcome.result}: {request.app} to {request.target}", *outcome.because])


def show_status(kube: Kube, namespace: str, app: str) -> Answer:
    """Show the route's weights and the last release."""
    weights = read_weights(kube.get_http_route(namespace, names.route_name(app)), app)
    record = RecordStore(kube, namespace, app).load()
    data = {
        "app": app,
        "weights": {"blue": weights.blue, "green": weights.green},
        "live": weights.live.value if weights.live else None,
        "record": record.to_json() if record else None,
    }
    return Answer(data, [f"{app}: {weights}", *_record_lines(record)])


def _record_lines(record: ReleaseRecord | None) -> list[str]:
    if record is None:
        return ["no release yet"]
    head = f"release {record.release_id}: {record.source} to {record.target}, {record.phase}"
    return [head, *(f"  {step.at}  {step.phase}: {'; '.join(step.because)}" for step in record.transitions)]
