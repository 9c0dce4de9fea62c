"""The verbs, from settings to an answer that a person or a machine can read."""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import partial

from structlog.typing import FilteringBoundLogger

from agents.release.answer import Answer
from agents.release.copies import copies_of
from agents.release.ledger import Ledger
from agents.release.limits import LimitGates
from agents.release.orders import OrderBook, judge_abort
from agents.release.probe import HttpProbe
from agents.release.prometheus import Prometheus
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.request import SwitchRequest
from agents.release.routes import read_weights, weights_for
from agents.release.smoke import REFERENCE_PREDICTION
from agents.release.states import FULL_SHARE
from agents.release.switch import Switch
from agents.release.user_traffic import UserTraffic
from agents.release.verdicts import Finding, Verdict
from agents.release.watch import OwnRequests, Watch
from agents.runtime import names
from agents.runtime.clock import Clock, format_rfc3339
from agents.runtime.cluster import Kube
from agents.runtime.errors import ClusterUnavailableError
from agents.runtime.kube import KubeClient
from agents.runtime.settings import ClusterSettings

# Chosen: a phase lasts seconds; a person reads no faster.
_FOLLOW_PAUSE_S = 0.5


def connect_cluster(environ: Mapping[str, str]) -> Kube:
    """Open the cluster that the environment names."""
    return KubeClient.connect(ClusterSettings.from_environ(environ))


def switch_traffic(
    request: SwitchRequest, kube: Kube, *, ledger: Ledger, clock: Clock, log: FilteringBoundLogger
) -> Answer:
    """Run a release and say how it ended."""
    written = copies_of(kube, request.namespace, ledger, log)
    store = RecordStore(kube, request.namespace, request.app, written=written, holder=request.holder)
    open_watch = _watches(request, kube, clock, log) if request.policy.prometheus_url else None
    judge_downgrade = partial(ledger.judge_downgrade, request.app)
    switch = Switch(request, kube, HttpProbe(clock), clock, log, store, ledger.find_backup, open_watch, judge_downgrade)
    outcome = switch.run()
    data = {
        "result": outcome.result,
        "because": list(outcome.because),
        "record": outcome.record.to_json() if outcome.record else None,
    }
    return Answer(data, [f"{outcome.result}: {request.app} to {request.target}", *outcome.because])


def _watches(
    request: SwitchRequest, kube: Kube, clock: Clock, log: FilteringBoundLogger
) -> Callable[[ReleaseRecord], Watch]:
    policy = request.policy

    def open_watch(record: ReleaseRecord) -> Watch:
        asked = Prometheus(policy.prometheus_url or ""), record.app, record.target, policy.scrape_interval_s
        users = UserTraffic(*asked, policy.slow_floor_s)
        book = OrderBook(kube, request.namespace, record.app)

        def interrupted() -> Finding | None:
            return _interruption(kube, book, record)

        return Watch(
            policy=policy,
            urls={colour: url.rstrip("/") + "/api/v1/predictions" for colour, url in request.urls.items()},
            payload=REFERENCE_PREDICTION,
            users=users,
            limits=LimitGates(*asked, policy.limits),
            clock=clock,
            log=log,
            own=OwnRequests(record.target, policy.slow_floor_s),
            interrupted=interrupted,
        )

    return open_watch


def _interruption(kube: Kube, book: OrderBook, record: ReleaseRecord) -> Finding | None:
    """Return a failure when a person aborted the release or moved its traffic; an API server's silence is none."""
    try:
        if aborted := judge_abort(book.read(), record.release_id):
            return aborted
        weights = read_weights(kube.get_http_route(book.namespace, names.route_name(record.app)), record.app)
    except ClusterUnavailableError as error:
        return Finding(Verdict.INCONCLUSIVE, (str(error),))
    if weights == weights_for(record.source, FULL_SHARE):
        return Finding(Verdict.FAIL, (f"weights are {weights}: somebody moved all traffic back by hand",))
    return None


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


def show_history(ledger: Ledger, app: str, *, limit: int) -> Answer:
    """Show the releases that promoted or ended, newest first."""
    rows = ledger.read_history(app, limit)
    found = [
        {
            **asdict(row),
            "started_at": format_rfc3339(row.started_at),
            "finished_at": format_rfc3339(row.finished_at) if row.finished_at else None,
        }
        for row in rows
    ]
    lines = [
        f"{format_rfc3339(row.started_at)}  {row.phase}  {row.release_id}: {row.from_version or '?'} on "
        f"{row.from_colour} to {row.to_version} on {row.to_colour}; {'; '.join(row.reasons[:1])}"
        for row in rows
    ]
    return Answer({"app": app, "releases": found}, lines or [f"no release of {app} yet"])


def follow_release(kube: Kube, namespace: str, app: str, *, clock: Clock, tell: Callable[[str], None]) -> None:
    """Tell each new phase of the release that runs until it ends; an API server that restarts is asked again."""
    told = 0
    while True:
        try:
            record = RecordStore(kube, namespace, app).load()
        except ClusterUnavailableError:
            record = None
        lines = _record_lines(record)[1:] if record else []
        for line in lines[told:]:
            tell(line.strip())
        told = max(told, len(lines))
        if record is not None and record.is_over:
            return
        clock.sleep(_FOLLOW_PAUSE_S)


def _record_lines(record: ReleaseRecord | None) -> list[str]:
    if record is None:
        return ["no release yet"]
    head = f"release {record.release_id}: {record.source} to {record.target}, {record.phase}"
    return [head, *(f"  {step.at}  {step.phase}: {'; '.join(step.because)}" for step in record.transitions)]
