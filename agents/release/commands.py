"""The verbs, from settings to an answer that a person or a machine can read."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from structlog.typing import FilteringBoundLogger

from agents.release.errors import ReleaseRefusedError
from agents.release.ledger import Ledger
from agents.release.orders import Order, OrderBook, judge_abort
from agents.release.probe import HttpProbe
from agents.release.prometheus import Prometheus
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.rollback import Ground, decide_rollback, take_back
from agents.release.routes import read_weights, weights_for
from agents.release.smoke import REFERENCE_PREDICTION, Gateway
from agents.release.states import FULL_SHARE
from agents.release.switch import Switch, SwitchRequest
from agents.release.traffic import Traffic
from agents.release.user_traffic import UserTraffic
from agents.release.verdicts import Finding, Verdict
from agents.release.watch import OwnRequests, Watch
from agents.runtime import names
from agents.runtime.clock import Clock
from agents.runtime.cluster import Deployment, Kube
from agents.runtime.errors import ClusterUnavailableError
from agents.runtime.kube import KubeClient
from agents.runtime.settings import ClusterSettings

# Chosen: a phase lasts seconds; a person reads no faster.
_FOLLOW_PAUSE_S = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """What a verb found or did."""

    data: Mapping[str, object]
    lines: list[str]


def connect_cluster(environ: Mapping[str, str]) -> Kube:
    """Open the cluster that the environment names."""
    return KubeClient.connect(ClusterSettings.from_environ(environ))


def switch_traffic(
    request: SwitchRequest, kube: Kube, *, ledger: Ledger, clock: Clock, log: FilteringBoundLogger
) -> Answer:
    """Run a release and say how it ended."""
    store = RecordStore(kube, request.namespace, request.app, written=ledger.write_history)
    open_watch = _watches(request, kube, clock, log) if request.policy.prometheus_url else None
    switch = Switch(request, kube, HttpProbe(clock), clock, log, store, ledger.find_backup, open_watch)
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
        users = UserTraffic(
            Prometheus(policy.prometheus_url or ""),
            record.app,
            record.target,
            policy.scrape_interval_s,
            policy.slow_floor_s,
        )
        book = OrderBook(kube, request.namespace, record.app)

        def interrupted() -> Finding | None:
            return _interruption(kube, book, record)

        return Watch(
            policy=policy,
            urls={colour: url.rstrip("/") + "/api/v1/predictions" for colour, url in request.urls.items()},
            payload=REFERENCE_PREDICTION,
            users=users,
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


def roll_back(  # noqa: PLR0913 - the place, the reason and four things from outside
    kube: Kube, namespace: str, app: str, *, reason: str, ledger: Ledger, clock: Clock, log: FilteringBoundLogger
) -> Answer:
    """Put all traffic back to the colour that the last release came from."""
    store = RecordStore(kube, namespace, app, written=ledger.write_history)
    record = store.load()
    ground = Ground(
        record=record,
        old_colour=_old_colour(kube, namespace, record) if record else (),
        contracts=ledger.find_contracts(datetime.fromisoformat(record.transitions[0].at)) if record else None,
    )
    record, because = decide_rollback(ground)
    gateway = Gateway("")  # not asked: the way back does not wait for it
    traffic = Traffic(kube, namespace, app, HttpProbe(clock), gateway, clock, log)
    ended = take_back(record, (f"by hand: {reason}", *because), store=store, traffic=traffic)
    log.error("release.rollback.done", release_id=ended.release_id, because=ended.transitions[-1].because)
    lines = [
        f"release {ended.release_id} is rolled back: all traffic is on {ended.source}",
        *ended.transitions[-1].because,
        f"Git still says active: {ended.target}; revert that commit, or the next new release Job moves it there again",
    ]
    return Answer({"result": "rolled_back", "record": ended.to_json()}, lines)


def _old_colour(kube: Kube, namespace: str, record: ReleaseRecord) -> tuple[Deployment, ...]:
    labels = {names.LABEL_NAME: record.app, names.LABEL_COLOUR: record.source.value}
    return tuple(kube.list_deployments(namespace, labels))


def give_order(kube: Kube, namespace: str, app: str, *, order: Order, release_id: str) -> Answer:
    """Approve or abort the release that runs now.

    Raises:
        ReleaseRefusedError: that release does not run, so the order would lie there for another one.
    """
    record = RecordStore(kube, namespace, app).load()
    if record is None or record.is_over or record.release_id != release_id:
        runs = f"the last one is {record.release_id}, {record.phase}" if record else "there was none yet"
        message = f"no release {release_id} of {app} is under way ({runs}); nothing was ordered"
        raise ReleaseRefusedError(message)
    OrderBook(kube, namespace, app).give(order, release_id)
    data = {"order": order.value, "release_id": release_id, "phase": record.phase.value}
    return Answer(data, [f"{order}: release {release_id}, now {record.phase}, reads it at its next look"])


def _record_lines(record: ReleaseRecord | None) -> list[str]:
    if record is None:
        return ["no release yet"]
    head = f"release {record.release_id}: {record.source} to {record.target}, {record.phase}"
    return [head, *(f"  {step.at}  {step.phase}: {'; '.join(step.because)}" for step in record.transitions)]
