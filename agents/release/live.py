"""Reads what is live of one application, for the guard."""

from agents.release.guard import Live
from agents.release.orders import Order, OrderBook
from agents.release.record import RecordStore
from agents.release.routes import Weights, read_weights
from agents.runtime import names
from agents.runtime.cluster import Kube
from agents.runtime.errors import ObjectMissingError
from agents.runtime.names import Colour


def read_live(kube: Kube, namespace: str, app: str) -> Live:
    """Read namespace, route, Deployments, record and orders; a cluster without them has nothing live.

    Raises:
        ReleaseRefusedError: the route is not one of ours.
        RecordMalformedError: somebody else wrote the record.
        ClusterUnavailableError: the API server did not answer.
    """
    labels = kube.get_namespace_labels(namespace)
    if labels is None:
        return Live(stack=None, weights=None, contents={}, record=None)
    orders = OrderBook(kube, namespace, app).read()
    return Live(
        stack=labels.get(names.LABEL_INSTANCE),
        weights=_read_weights(kube, namespace, app),
        contents=_read_contents(kube, namespace, app),
        record=RecordStore(kube, namespace, app).load(),
        retry_of=orders.get(Order.RETRY),
    )


def _read_weights(kube: Kube, namespace: str, app: str) -> Weights | None:
    try:
        return read_weights(kube.get_http_route(namespace, names.route_name(app)), app)
    except ObjectMissingError:
        return None


def _read_contents(kube: Kube, namespace: str, app: str) -> dict[Colour, str]:
    found = {}
    for colour in Colour:
        labels = {names.LABEL_NAME: app, names.LABEL_COLOUR: colour.value}
        contents = {each.content for each in kube.list_deployments(namespace, labels) if each.content}
        # Two Deployments of one colour exist while one replaces the other; then nothing certain is known.
        if len(contents) == 1:
            found[colour] = contents.pop()
    return found
