"""What a person does to releases: take back, approve, abort, allow one more try, repair the weights."""

from datetime import datetime

from structlog.typing import FilteringBoundLogger

from agents.release.answer import Answer
from agents.release.copies import copies_of
from agents.release.errors import ReleaseRefusedError
from agents.release.guard import left_weights
from agents.release.ledger import Ledger
from agents.release.orders import Order, OrderBook
from agents.release.probe import HttpProbe
from agents.release.record import RecordStore, ReleaseRecord
from agents.release.rollback import Ground, decide_rollback, take_back
from agents.release.smoke import Gateway
from agents.release.states import FULL_SHARE, Phase
from agents.release.traffic import ROLLBACK_DEADLINE_S, Traffic
from agents.runtime import names
from agents.runtime.clock import Clock
from agents.runtime.cluster import Deployment, Kube
from agents.runtime.names import Colour


def roll_back(  # noqa: PLR0913 - the place, the reason and four things from outside
    kube: Kube, namespace: str, app: str, *, reason: str, ledger: Ledger, clock: Clock, log: FilteringBoundLogger
) -> Answer:
    """Put all traffic back to the colour that the last release came from."""
    store = RecordStore(kube, namespace, app, written=copies_of(kube, namespace, ledger, log))
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
        f"Git still says active: {ended.target}; `pulumi up` is refused until `cryo release revert --env <stack>`",
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


def allow_retry(kube: Kube, namespace: str, app: str, *, release_id: str) -> Answer:
    """Let what was rolled back last be released once more, unchanged.

    Raises:
        ReleaseRefusedError: the last release is another one or was not rolled back.
    """
    record = RecordStore(kube, namespace, app).load()
    if record is None or record.release_id != release_id or record.phase is not Phase.ROLLED_BACK:
        last = f"the last one is {record.release_id}, {record.phase}" if record else "there was none yet"
        message = (
            f"release {release_id} of {app} is not the one that was rolled back last ({last}); nothing was ordered"
        )
        raise ReleaseRefusedError(message)
    OrderBook(kube, namespace, app).give(Order.RETRY, release_id)
    data = {"order": Order.RETRY.value, "release_id": release_id}
    return Answer(data, [f"release {release_id} may be tried once more; `pulumi up` begins it"])


def repair_weights(  # noqa: PLR0913 - the place, the wish and two things from outside
    kube: Kube, namespace: str, app: str, *, to: Colour | None, clock: Clock, log: FilteringBoundLogger
) -> Answer:
    """Put the weights back to what the last release left, after somebody edited them.

    Args:
        kube: the cluster.
        namespace: of the route.
        app: the route's application.
        to: the colour that shall have all traffic, where no release says so.
        clock: paces tries.
        log: told of each try.

    Raises:
        ReleaseRefusedError: a release moves them at this moment, or nothing says what is right.
    """
    record = RecordStore(kube, namespace, app).load()
    wanted = left_weights(record) if record else None
    if record is not None and wanted is None:
        told = f"release {record.release_id} is {record.phase} and owns the weights"
        message = f"{told}; `pulumi up` or `cryo rollback` ends it; nothing was changed"
        raise ReleaseRefusedError(message)
    live = wanted.live if wanted else to
    if live is None:
        message = f"no release of {app} says which colour is right; name it with --to; nothing was changed"
        raise ReleaseRefusedError(message)
    if wanted and to not in {None, live}:
        message = f"the last release left all traffic on {live}, not on {to}; leave --to out; nothing was changed"
        raise ReleaseRefusedError(message)
    traffic = Traffic(kube, namespace, app, HttpProbe(clock), Gateway(""), clock, log)
    written = traffic.write(live, FULL_SHARE, expected=None, deadline_s=ROLLBACK_DEADLINE_S)
    return Answer({"live": live.value}, [f"{app}: {written.because[0]}"])
